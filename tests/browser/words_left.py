"""Whether a page in 中文 still says something in English: its text, titles and labels.

Names of things are never translated, so every Latin word on the page must be one of them:
:data:`NAMES` of Aoli and of the showcase, and those that a test gives besides.
"""

from __future__ import annotations

import re

from house import CAST
from playwright.sync_api import Page
from showcase import ADMIN, GROUPS, NODES, PEOPLE, ROLES

SAID = """() => {
  const seen = node => node.checkVisibility({visibilityProperty: true});
  const said = new Set([document.title]);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const home = texts.currentNode.parentElement;
    // What machines and users wrote: commands, output, ids, paths; and how the languages are named.
    if (home.closest('script, style, template, pre, code, kbd, textarea, .mono, .code, .cl, [lang=en]')) continue;
    if (seen(home.tagName === 'OPTION' ? home.closest('select') : home)) said.add(texts.currentNode.data);
  }
  for (const name of ['aria-label', 'aria-description', 'alt', 'placeholder', 'title'])
    for (const node of document.querySelectorAll('[' + name + ']'))
      if (seen(node) && !node.matches('textarea, .mono')) said.add(node.getAttribute(name));
  return [...said];
}"""  # noqa: E501
PEOPLE_SAY = {text for _, nickname, _, _ in PEOPLE for text in nickname.split()}
NAMES = frozenset(
    {
        *("Aoli", "Microsoft", "NPU", "GPU", "CPU", "cpu", "VC", "Pod", "IP", "ID", "CLI", "API"),
        *("SSH", "Jupyter", "TensorBoard", "YAML", "CSV", "SIGTERM", "shell", "rsa"),
        *("ecdsa", "UTC", "aoli job submit", "sleep infinity", "NAME=value"),
        *("GiB", "MiB", "TiB", "KiB", "nvidia_gpu_amd64", "huawei_npu_arm64"),
        *("System Admin", "User", ADMIN, ADMIN.title(), *ROLES, *CAST, *PEOPLE_SAY),
        *(f"role of {name}" for name in CAST),
        *(name for name, *_ in (*NODES, *GROUPS, *PEOPLE)),
        *(text for text, _ in ROLES.values()),
        *(text for _, text, _, _ in GROUPS),
        *("atlas", "lab", "platform", "vision", "edge", "main", "worker"),
    }
)
"""The words of the product that 中文 keeps, and what the test portals are made of."""
ADDRESS = re.compile(r"\S+@\S+", re.ASCII)
WRITTEN = re.compile(
    r"(?i)SHA256:[\w+/]+|/[\w./<>-]+|\.(?:env|pub)\b|\b[\w-]+[._:/][\w.:/-]+|\b[\w-]*\d\w*\b|group:",
    re.ASCII,
)
"""Paths, images, ids, names with a sign or a digit in them."""
ENGLISH = re.compile(r"[A-Za-z][A-Za-z'’]+")


def english_left(page: Page, *names: str) -> list[str]:
    """What the page, as it is, says in English; ``names`` are of what the test has made."""
    known = sorted({*NAMES, *names}, key=len, reverse=True)
    one_of_them = re.compile(
        r"(?<![A-Za-z0-9_])(?:" + "|".join(re.escape(name) for name in known) + r")(?![A-Za-z0-9_])"
    )

    def left(text: str) -> str:
        return WRITTEN.sub(" ", one_of_them.sub(" ", ADDRESS.sub(" ", text)))

    return [text.strip() for text in page.evaluate(SAID) if ENGLISH.search(left(text))]
