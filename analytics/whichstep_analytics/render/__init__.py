"""One execution explained to people: for a terminal, as Markdown, as one HTML file.

Each function takes the document of `Answers.execution` and gives the whole text. What agents and users wrote is data:
control characters are made visible, and in Markdown and HTML it is escaped, so it can neither steer a terminal nor
become markup.
"""

from whichstep_analytics.render.page import html
from whichstep_analytics.render.paper import markdown
from whichstep_analytics.render.terminal import text

__all__ = ["html", "markdown", "text"]
