"""The contrast of text with what is behind it, as WCAG 2.2 computes it (1.4.3).

Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from typing import Final

from playwright.async_api import Page

CONTRAST_MIN: Final = 4.5


async def too_faint(page: Page) -> list[str]:
    """The visible texts whose contrast is lower, each with its contrast."""
    found: list[str] = await page.evaluate(_TOO_FAINT, CONTRAST_MIN)
    return found


_TOO_FAINT: Final = """(least) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const open = document.querySelector("dialog[open]");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const found = new Set();
  const texts = document.createTreeWalker(open ?? document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const box = element.getBoundingClientRect();
    if (!texts.currentNode.data.trim() || box.width < 2 || !element.checkVisibility()) continue;
    const behind = [];
    for (let e = element; e; e = e.parentElement) {
      behind.unshift(getComputedStyle(e).backgroundColor);
    }
    const ground = [dark ? "black" : "white", ...behind];
    const text = luminance(paint([...ground, getComputedStyle(element).color]));
    const back = luminance(paint(ground));
    const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    const shown = texts.currentNode.data.trim().slice(0, 60);
    if (ratio < least) found.add(`${ratio.toFixed(2)}: ${shown}`);
  }
  return [...found];
}"""
