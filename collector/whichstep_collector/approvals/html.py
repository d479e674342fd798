"""The light page of one request, as HTML. Pure: every text of an agent is escaped, bounded and visible.

No script, no image, one style whose hash the policy of the page names. Fit for a phone.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from whichstep_collector.approvals.argument_form import HIDDEN, Field, fields, shown, unshown_fields
from whichstep_store.approvals import PENDING

TEXT_SHOWN: Final = 4000
EVIDENCE_SHOWN: Final = 3
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8886;--soft:#8882;--go:#00795a;--stop:#b84a00;--link:#0072b2}
*{box-sizing:border-box}body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;max-width:44rem;padding:1rem}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1rem;margin:1.2rem 0 .4rem}p{margin:.3rem 0}
.state{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;font-size:.85rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem .8rem;margin:.4rem 0}dt{opacity:.7}
dd{margin:0;overflow-wrap:anywhere}.arguments{display:block}.text{white-space:pre-wrap;max-height:60vh;overflow:auto;overflow-wrap:anywhere;background:var(--soft);
border-radius:.4rem;padding:.6rem;margin:.3rem 0;font:.85rem/1.4 ui-monospace,monospace}
label{display:block;margin:.6rem 0 .2rem}input,textarea,select{width:100%;font:inherit;padding:.55rem;
border:1px solid var(--line);border-radius:.4rem;background:transparent;color:inherit}
button{font:inherit;font-weight:600;width:100%;padding:.8rem;margin:.5rem 0;border:0;border-radius:.4rem;color:#fff}
.go{background:var(--go)}.stop{background:var(--stop)}.plain{background:#5f6b7a}
.said{border-left:.3rem solid var(--stop);padding:.4rem .8rem;background:var(--soft)}a{color:var(--link)}
details{border:1px solid var(--line);border-radius:.4rem;padding:.4rem .8rem;margin:.6rem 0}
summary{cursor:pointer;font-weight:600;padding:.3rem 0}li{margin:.5rem 0}
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class Visitor(NamedTuple):
    """Who looks at a page: the reviewer's name, empty for somebody who has not signed in, and the key of forms."""

    reviewer: str
    form_key: str
    login: str = ""
    """Host of the identity provider, where people sign in at one."""


def request_page(
    item: Mapping[str, Any],
    visitor: Visitor,
    *,
    now: datetime,
    said: str = "",
    execution_url: str | None = None,
    whole: bool = False,
) -> str:
    """One request on one screen; `said` is what came of the last attempt to decide, `whole`: no argument is cut."""
    title = f"{item['action']}: {item['state']}"
    body = [
        f"<p><a href='/approvals'>All requests</a></p><h1>{_text(item['action'])}</h1>",
        f"<p><span class='state'>{_text(item['state'])}</span> {_text(item['summary'])}</p>",
        f"<p class='said' role='alert'>{_text(said)}</p>" if said else "",
        f"<p><small>{_left(item, now)}</small></p>" if item["state"] == PENDING else "",
        _arguments("Arguments", item["arguments"], item, whole=whole),
        _arguments("Edited to", item["edited_arguments"], item, whole=whole),
        _evidence(item["evidence"]),
        _facts(item, execution_url),
        _forms(item, visitor) if item["state"] == PENDING else _outcome(item),
    ]
    return _page(title, "".join(body))


def inbox_page(items: Sequence[Mapping[str, Any]], total: int, visitor: Visitor, *, now: datetime) -> str:
    """The pending requests, the least time first."""
    rows = "".join(
        f"<li><a href='/approvals/{_text(item['approval_id'])}'>{_text(item['action'])}</a> "
        f"<span class='state'>{_text(item['risk_level'])}</span><br>{_text(item['summary'], 300)}<br>"
        f"<small>{_text(item['agent'] or 'agent unknown')}, {_left(item, now)}</small></li>"
        for item in items
    )
    count = (
        f"{len(items):,} of {total:,} requests wait, the least time first:" if total > len(items) else _waiting(total)
    )
    body = f"<h1>Requests for approval</h1><p>{count}</p><ul>{rows}</ul>{_who(visitor)}"
    return _page("Requests for approval", body)


def _waiting(total: int) -> str:
    if not total:
        return "Nothing waits for a decision."
    return "1 request waits" if total == 1 else f"{total:,} requests wait"


def _left(item: Mapping[str, Any], now: datetime) -> str:
    """Until when there is time, and how much that is."""
    until = datetime.fromisoformat(item["expires_at"][:19]).replace(tzinfo=UTC)
    minutes = int((until - now).total_seconds()) // 60
    left = (
        f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min" if minutes >= 1 else "seconds"
    )
    return f"{left} left, until {until:%Y-%m-%d %H:%M} UTC"


def message_page(title: str, sentence: str, *, login: str = "", go_on: str = "") -> str:
    """A page that says one thing, with the way to sign in, or to go on to another page at once."""
    said = f"<h1>{_text(title)}</h1><p>{_text(sentence)}</p>"
    if go_on:
        link = html.escape(go_on)
        return _page(
            title,
            f"{said}<p><a href='{link}'>Go on</a></p>",
            head=f"<meta http-equiv='refresh' content='0;url={link}'>",
        )
    return _page(title, said + _sign_in("", login))


def sign_out_page() -> str:
    """The question whether to sign out."""
    form = "<form method='post' action='/login/out'><button class='plain'>Sign out</button></form>"
    return _page("Sign out", f"<h1>Sign out</h1><p>Of this sidecar; not of the identity provider.</p>{form}")


def _page(title: str, body: str, *, head: str = "") -> str:
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{_text(title, 200)} · whichstep</title><style>{_STYLE}</style>{head}</head>"
        f"<body><main>{body}</main></body></html>"
    )


def _evidence(pieces: Sequence[Mapping[str, Any]]) -> str:
    if not pieces:
        return "<h2>Evidence</h2><p>None was sent.</p>"
    shown = "".join(
        f"<p>{_text(piece['source'] or 'unnamed', 200)} <small>{_score(piece['score'])}</small></p>"
        f"<div class='text'>{_text(piece['text'])}</div>"
        for piece in pieces[:EVIDENCE_SHOWN]
    )
    return f"<h2>Evidence ({min(len(pieces), EVIDENCE_SHOWN)} of {len(pieces)})</h2>{shown}"


def _score(score: float | None) -> str:
    return "no score" if score is None else f"score {score:.3g}"


def _facts(item: Mapping[str, Any], execution_url: str | None) -> str:
    execution = _text(item["execution_id"])
    if execution_url and item["execution_id"]:
        execution = f"<a href='{html.escape(execution_url)}'>{execution}</a>"
    shown = {
        "risk": _text(f"{item['risk_level']}, by rule {item['rule'] or 'unknown'}"),
        "agent": _text(item["agent"]),
        "task": _text(item["task_id"] or item["task_type"]),
        "release": _text(item["release"]),
        "execution": execution,
        "for": _text(item["requester"]),
        "reviewers": _text(", ".join(item["reviewers"]) or "any"),
        "needed": _text(_agreed(item)) if item["quorum"] > 1 else "",
        "created": _text(item["created_at"][:19].replace("T", " ") + " UTC"),
        "expires": _text(item["expires_at"][:19].replace("T", " ") + " UTC"),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in shown.items() if value)
    return f"<h2>About</h2><dl>{listed}</dl>"


def _agreed(item: Mapping[str, Any]) -> str:
    names = ", ".join(vote["reviewer"] for vote in item["votes"]) or "nobody yet"
    return f"{item['quorum']} reviewers; agreed: {names}"


def _outcome(item: Mapping[str, Any]) -> str:
    who = f" by {item['decided_by']} at {item['decided_at'][:19].replace('T', ' ')} UTC" if item["decided_by"] else ""
    why = f"<div class='text'>{_text(item['notes'])}</div>" if item["notes"] else ""
    return f"<h2>Decision</h2><p>{_text(item['decision'] or item['state'])}{_text(who)}</p>{why}"


def _forms(item: Mapping[str, Any], visitor: Visitor) -> str:
    if not visitor.reviewer:
        return f"<h2>Decide</h2>{_sign_in(item['approval_id'], visitor.login)}"
    begin = (
        f"<form method='post' action='/approvals/{_text(item['approval_id'])}'>"
        f"<input type='hidden' name='key' value='{visitor.form_key}'>"
        f"<input type='hidden' name='version' value='{item['version']}'>"
    )
    reason = "<label>Reason (optional)<textarea name='reason' rows='2'></textarea></label>"
    inputs = "".join(_input(field, f"argument.{number}") for number, field in enumerate(fields(item)))
    unshown = unshown_fields(item)
    kept = f"<p>{unshown:,} more arguments stay as they are.</p>" if unshown else ""
    return (
        f"<h2>Decide as {_text(visitor.reviewer)}</h2>{_not_theirs(item, visitor)}"
        f"{begin}{reason}<button class='go' name='decision' value='approve'>Approve</button>"
        f"<button class='stop' name='decision' value='reject'>Reject</button></form>"
        f"<details><summary>Edit the arguments</summary>{begin}{inputs}{kept}{reason}"
        f"<button class='go' name='decision' value='edit'>Approve as edited</button></form></details>{_who(visitor)}"
    )


def _not_theirs(item: Mapping[str, Any], visitor: Visitor) -> str:
    """Said before somebody reads and decides in vain; the policy in force may have changed, so they can try."""
    if not item["reviewers"] or visitor.reviewer in item["reviewers"]:
        return ""
    return f"<p class='said'>The rule wants {_text(', '.join(item['reviewers']))} to decide.</p>"


def _input(field: Field, name: str) -> str:
    label = f"<label>{_text(field.name, 200)}"
    if field.kind in {"choice", "boolean"}:
        choices = field.choices if field.value in field.choices else (field.value, *field.choices)
        options = "".join(
            f"<option{' selected' if choice == field.value else ''}>{html.escape(choice)}</option>"
            for choice in choices
        )
        return f"{label}<select name='{name}'>{options}</select></label>"
    if field.kind == "number":
        return f"{label}<input name='{name}' inputmode='decimal' value='{html.escape(field.value)}'></label>"
    rows = min(max(field.value.count("\n") + 1, len(field.value) // 60 + 1), 12)
    # A line break right after the tag is dropped by browsers, so there is one to drop.
    return f"{label}<textarea name='{name}' rows='{rows}'>\n{html.escape(field.value)}</textarea></label>"


def _who(visitor: Visitor) -> str:
    if not visitor.reviewer:
        return _sign_in("", visitor.login)
    out = " · <a href='/login/out'>sign out</a>" if visitor.login else ""
    return f"<p><small>signed in as {_text(visitor.reviewer)}{out}</small></p>"


def _sign_in(approval_id: str, login: str = "") -> str:
    way = quote(f"/approvals/{approval_id}" if approval_id else "/approvals", safe="/")
    at_provider = f"<p><a href='/login?next={way}'>Sign in with {_text(login)}</a></p>" if login else ""
    return (
        f"{at_provider}<form method='post' action='/approvals/session'>"
        f"<input type='hidden' name='next' value='{_text(approval_id)}'>"
        "<label>Reviewer's token<input type='password' name='token' autocomplete='current-password'></label>"
        "<button class='plain'>Sign in</button></form>"
    )


def _arguments(title: str, arguments: Mapping[str, Any] | None, item: Mapping[str, Any], *, whole: bool) -> str:
    if arguments is None:
        return ""
    found = shown(arguments, whole=whole)
    told = "".join(
        f"<dt>{_text(name, 200)}</dt><dd class='text' tabindex='0'>{_text(text, len(text))}</dd>"
        for name, text in found.arguments
    )
    more = (
        f"<p><a href='/approvals/{_text(item['approval_id'])}?whole=1'>Show all of it</a></p>" if found.is_cut else ""
    )
    listed = f"<dl class='arguments'>{told}</dl>" if told else "<p>None.</p>"
    return f"<h2>{title}</h2>{listed}{more}"


def _text(value: object, limit: int = TEXT_SHOWN) -> str:
    """Somebody's text as HTML: escaped, what cannot be seen made visible, what is cut said."""
    text = "" if value is None else str(value)
    more = f" … and {len(text) - limit:,} more characters" if len(text) > limit else ""
    return html.escape(HIDDEN.sub("·", text[:limit]) + more, quote=True)
