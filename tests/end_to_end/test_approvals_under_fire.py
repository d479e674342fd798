"""Many agents, many reviewers, and a sidecar that is killed: decided at most once, run exactly when approved."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict

import httpx

from sidecar_process import environment
from whichstep_collector.approvals.requests import digest
from whichstep_store.ledger import Ledger

REQUESTS, REVIEWERS, AGENTS, KILLS = 200, 20, 40, 2


class Sidecar:
    """One address; the process behind it comes and goes."""

    def __init__(self, data_dir):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api/v1/approvals"
        self.data_dir, self.process = data_dir, None
        self.start()

    def start(self):
        command = [sys.executable, "-m", "whichstep_cli", "up", "--data-dir", str(self.data_dir), "--format", "json"]
        command += ["--http-port", str(self.port), "--grpc-port", "0", "--no-dashboard"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert self.process.stdout.readline(), "the sidecar did not start"

    def end(self, number):
        os.kill(self.process.pid, number)
        self.process.wait(30)
        self.process.stdout.close()


class Scene:
    """What every thread shares: the tally of what was answered and what ran."""

    def __init__(self, sidecar, tokens):
        self.sidecar, self.tokens = sidecar, tokens
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.decided = defaultdict(list)
        self.ran = Counter()
        self.ends = {}
        self.refused = Counter()

    def call(self, http, method, path="", **arguments):
        """An answer, however often it takes while the sidecar is away."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = http.request(method, self.sidecar.url + path, **arguments)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code not in (429, 500, 502, 503):
                return answer
            time.sleep(0.05)
        raise AssertionError("the sidecar did not come back")

    def agent(self, numbers):
        with httpx.Client(
            trust_env=False, timeout=30, headers={"authorization": f"Bearer {self.tokens['agent']}"}
        ) as http:
            for number in numbers:
                self.ask(http, f"request-{number}", {"number": number})

    def ask(self, http, name, arguments):
        made = self.call(http, "POST", json={"approval_id": name, "action": "wire", "arguments": arguments})
        assert made.status_code in (200, 201), made.text
        while (found := self.call(http, "GET", f"/{name}", params={"wait": 20}).json())["state"] == "pending":
            continue
        to_run = found["edited_arguments"] if found["state"] == "edited" else arguments
        body = {"arguments_digest": digest(to_run), "consumer": f"{name}-agent"}
        used = self.call(http, "POST", f"/{name}/consume", json=body)
        with self.lock:
            self.ends[name] = found["state"]
            if used.status_code == 200:
                self.ran[name] += 1
        # a second hand that tries the same decision
        other = self.call(http, "POST", f"/{name}/consume", json={**body, "consumer": "another"})
        assert other.status_code in (409, 410), other.text

    def reviewer(self, name):
        chance = random.Random(name)
        with httpx.Client(
            trust_env=False, timeout=30, headers={"authorization": f"Bearer {self.tokens[name]}"}
        ) as http:
            known = []
            while not self.over.is_set():
                page = self.call(http, "GET", params={"state": "pending", "limit": 50})
                pending = [item["approval_id"] for item in page.json()["approvals"]]
                known = [*known, *pending][-60:]
                for target in chance.sample(known, min(4, len(known))):  # also those that others decided meanwhile
                    self.decide(http, target, chance, name)
                time.sleep(0.01)

    def decide(self, http, target, chance, name):
        decision = chance.choice(["approve", "approve", "reject", "edit"])
        body = {"decision": decision, "reason": name}
        if decision == "edit":
            body["arguments"] = {"number": target, "by": name}
        try:
            answer = http.post(f"{self.sidecar.url}/{target}/decision", json=body)
        except httpx.TransportError:
            return
        with self.lock:
            if answer.status_code == 200:
                self.decided[target].append((name, answer.json()["state"]))
            else:
                self.refused[answer.status_code] += 1


def test_of_200_requests_each_is_decided_once_and_runs_exactly_when_approved(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    names = [f"reviewer-{number}" for number in range(REVIEWERS)]
    tokens = {name: ledger.add_token(name, ["read", "review"]) for name in names}
    tokens["agent"] = ledger.add_token("agent", ["ingest"])
    ledger.close()
    sidecar = Sidecar(tmp_path)
    scene = Scene(sidecar, tokens)
    agents = [
        threading.Thread(target=scene.agent, args=[range(at, REQUESTS, AGENTS)], name=f"agent-{at}")
        for at in range(AGENTS)
    ]
    reviewers = [threading.Thread(target=scene.reviewer, args=[name]) for name in names]
    try:
        for thread in [*agents, *reviewers]:
            thread.start()
        for kill in range(KILLS):
            while len(scene.ends) < (kill + 1) * REQUESTS // (KILLS + 1):
                time.sleep(0.005)
            sidecar.end(signal.SIGKILL)
            sidecar.start()
        for thread in agents:
            thread.join(120)
        assert not any(thread.is_alive() for thread in agents)
    finally:
        scene.over.set()
        for thread in reviewers:
            thread.join(60)
        sidecar.end(signal.SIGTERM)
    assert len(scene.ends) == REQUESTS, "none is lost"
    assert all(len(answers) <= 1 for answers in scene.decided.values()), "decided at most once"
    assert scene.refused[409] > REVIEWERS, "reviewers did meet each other"
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for name, state in scene.ends.items():
        kept = ledger.approvals.find(name)
        granted = state in ("approved", "edited")
        assert kept.state == ("consumed" if granted else "rejected")
        assert scene.ran[name] == (1 if granted else 0), "an action runs exactly when it is approved"
        assert all(who == kept.decided_by for who, _ in scene.decided[name])
        assert len(kept.cast) == 1
    ledger.close()
