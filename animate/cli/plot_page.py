"""A chart as one HTML page: drawings in SVG, and the values under the pointer.

The page is whole in itself: nothing is loaded from elsewhere.
"""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path

import numpy as np

from animate.cli.chart import Chart, Line, Panel, Words
from animate.cli.palette import Palette

WIDTH, BAND, CURVE = 1000.0, 52.0, 84.0
"""Sizes of the drawing, in its own units."""
MOST_POINTS, MOST_STOPS = 4000, 1000
"""Longer animations are thinned to so many points and colours: more than a screen has."""


def draw(chart: Chart, path: Path, palette: Palette) -> None:
    """Write the page."""
    step = math.ceil(chart.frames / MOST_POINTS)
    rows = [_band(words, chart, palette) for words in chart.words]
    rows += [_panel(panel, chart, palette, step) for panel in chart.panels]
    data = {
        "frames": chart.frames,
        "fps": chart.fps,
        "step": step,
        "lines": {line.name: _numbers(line.values[::step]) for panel in chart.panels for line in panel.lines},
        "words": {words.name: [words.texts, words.leading[::step].tolist()] for words in chart.words},
    }
    data_text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    constants = "".join(f"<span>{escape(name)} <b>{escape(value)}</b></span>" for name, value in chart.constants)
    page = _PAGE.format(
        title=escape(chart.title), subtitle=escape(chart.subtitle), style=_style(palette), flags=_flags(chart),
        rows="\n".join(rows), axis=_axis(chart), constants=f"constant: {constants}" if constants else "",
        data=data_text, script=_SCRIPT,
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")


def _x(frame: float, chart: Chart) -> float:
    """Where the middle of a frame stands; a frame takes an equal share of the width."""
    return round((frame + 0.5) / chart.frames * WIDTH, 2)


def _numbers(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _band(words: Words, chart: Chart, palette: Palette) -> str:
    """A strip of colours with the texts on it; the colours as a gradient with a stop wherever the mixture changes."""
    colors = words.mixture(palette.bands())
    changes = np.abs(np.diff(colors, 2, axis=0)).max(axis=1, initial=0) > 1e-9
    stops = sorted({0, len(colors) - 1, *(int(at) + 1 for at in np.flatnonzero(changes))})
    marks = []
    for frame in stops[:: math.ceil(len(stops) / MOST_STOPS)]:
        red, green, blue = (round(255 * part) for part in colors[frame])
        offset = (frame + 0.5) / chart.frames * 100
        marks.append(f'<stop offset="{offset:.3f}%" stop-color="rgb({red},{green},{blue})"/>')
    texts = []
    for first, last, text in words.spans()[:MOST_STOPS]:
        left, width = first / chart.frames * 100, (last - first + 1) / chart.frames * 100
        edge = "" if first == 0 else " edge"
        texts.append(
            f'<div class="words{edge}" style="left:{left:.3f}%;width:{width:.3f}%" title="{escape(text)}">'
            f"<span>{escape(text)}</span></div>"
        )
    name = escape(words.name)
    return (
        f'<section class="row band"><header><b>{name}</b></header><div class="plot">'
        f'<svg viewBox="0 0 {WIDTH:g} {BAND:g}" preserveAspectRatio="none"><defs><linearGradient id="band-{name}">'
        f'{"".join(marks)}</linearGradient></defs><rect width="{WIDTH:g}" height="{BAND:g}" fill="url(#band-{name})"/>'
        f"{_marks(chart, BAND, beats=False)}</svg>{''.join(texts)}</div><footer></footer></section>"
    )


def _panel(panel: Panel, chart: Chart, palette: Palette, step: int) -> str:
    def y(value: float) -> float:
        return round((panel.high - value) / (panel.high - panel.low) * CURVE, 2)

    ticks = panel.ticks()
    grid = "".join(f'<path class="grid" d="M0 {y(tick)}H{WIDTH:g}"/>' for tick in ticks)
    labels = "".join(f'<i style="top:{y(tick) / CURVE * 100:.2f}%">{tick:.5g}</i>' for tick in ticks)
    curves = []
    for line in panel.lines:
        path = _path(line, chart, y, step)
        color = palette.curve(line.color)
        start, end = path[1:].split(" ", 1)[0], _x(chart.frames - 1, chart)
        area = f"{path}L{end} {y(panel.rest)}L{start} {y(panel.rest)}Z"
        curves.append(
            f'<path class="area" d="{area}" style="fill:{color}"/><path class="curve" d="{path}" stroke="{color}"/>'
        )
    names = "".join(
        f'<b style="color:{palette.curve(line.color)}"><em data-line="{escape(line.name)}"></em>'
        f"{escape(line.label)}</b>"
        for line in panel.lines
    )
    return (
        f'<section class="row"><header>{names}<small>{escape(panel.unit or panel.group)}</small></header>'
        f'<div class="plot"><svg viewBox="0 0 {WIDTH:g} {CURVE:g}" preserveAspectRatio="none">'
        f"{_marks(chart, CURVE, beats=True)}{grid}{''.join(curves)}</svg></div><footer>{labels}</footer></section>"
    )


def _path(line: Line, chart: Chart, y: object, step: int) -> str:
    """The curve; a thinned one keeps the smallest and largest value of each stretch, so that no peak is lost."""
    frames = np.arange(chart.frames)
    if step > 1:
        whole = chart.frames // (2 * step) * 2 * step
        stretches = line.values[:whole].reshape(-1, 2 * step)
        starts = np.arange(len(stretches)) * 2 * step
        ends = np.sort(np.stack([stretches.argmin(axis=1), stretches.argmax(axis=1)], axis=1), axis=1)
        frames = np.unique(np.concatenate([[0], (starts[:, None] + ends).ravel(), np.arange(whole, chart.frames)]))
    parts: list[str] = []
    for frame in frames:
        across, up = _x(int(frame), chart), y(float(line.values[frame]))  # type: ignore[operator]
        parts.append(f"L{across} {up}" if not (line.held and parts) else f"H{across}V{up}")
    return "M" + "".join(parts)[1:]


def _marks(chart: Chart, height: float, beats: bool) -> str:
    marks = []
    if beats and len(chart.beats) <= 400:
        for count, beat in enumerate(chart.beats):
            kind = "bar" if count % 4 == 0 else "beat"
            marks.append(f'<path class="{kind}" d="M{_x(beat, chart)} 0V{height:g}"/>')
    marks += [f'<path class="cue" d="M{_x(frame, chart)} 0V{height:g}"/>' for frame in chart.lone_cues]
    marks += [f'<path class="cut" d="M{_x(cut - 0.5, chart)} 0V{height:g}"/>' for cut in chart.cuts]
    return "".join(marks)


def _flags(chart: Chart) -> str:
    """Names of cues and cuts above the first row."""
    return "".join(
        f'<i class="{kind}" style="left:{_x(frame, chart) / WIDTH * 100:.3f}%">{escape(text)}</i>'
        for kind, text, frame in chart.flags()
    )


def _axis(chart: Chart) -> str:
    return "".join(
        f'<i style="left:{_x(mark * chart.fps, chart) / WIDTH * 100:.3f}%">{mark:g} s<br>{mark * chart.fps:.0f}</i>'
        for mark in chart.time_marks()
    )


def _style(palette: Palette) -> str:
    colors = {name: getattr(palette, name) for name in ("paper", "panel", "grid", "text", "faint", "cut")}
    variables = ";".join(f"--{name}:{color}" for name, color in colors.items())
    return f":root{{{variables}}}\n{_STYLE}"


_STYLE = """
*{box-sizing:border-box}
body{margin:0;padding:28px 32px;background:var(--paper);color:var(--text);
  font:13px/1.45 system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
h1{font-size:22px;margin:0 0 2px} p{margin:0;color:var(--faint)}
.row,.flags,.axis{display:grid;grid-template-columns:190px 1fr 64px;column-gap:12px;margin-bottom:8px}
header{display:flex;flex-direction:column;justify-content:center;align-items:flex-end;text-align:right}
header b{font-weight:500;display:flex;gap:10px;align-items:baseline}
header em{font:11.5px ui-monospace,Consolas,monospace;color:var(--text)}
header small{color:var(--faint)}
.plot{position:relative;background:var(--panel);height:84px;cursor:crosshair;overflow:hidden;border-radius:3px}
.band .plot{height:56px} svg{display:block;width:100%;height:100%}
path{vector-effect:non-scaling-stroke;fill:none}
.curve{stroke-width:1.8;stroke-linejoin:round} .area{opacity:.1}
.grid{stroke:var(--grid)} .beat{stroke:var(--grid);stroke-width:.8} .bar{stroke:var(--grid);stroke-width:2}
.cue{stroke:var(--faint);stroke-dasharray:1 3} .cut{stroke:var(--cut);stroke-dasharray:6 4}
.words{position:absolute;top:0;bottom:0;display:flex;align-items:center;padding:0 8px;overflow:hidden;font-size:12px;
  line-height:1.25} .words.edge{border-left:1px solid #fff3}
.words span{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden;overflow-wrap:anywhere}
footer{position:relative} i{font-style:normal;color:var(--faint);font-size:11px}
footer i{position:absolute;transform:translateY(-50%)}
.axis div,.flags div{position:relative;height:34px} .flags div{height:18px}
.axis i{position:absolute;transform:translateX(-50%);text-align:center;line-height:1.3}
.flags i{position:absolute;padding-left:4px} .flags i.cut{color:var(--cut)}
#line{position:absolute;top:0;width:1px;background:var(--text);opacity:.55;pointer-events:none;display:none}
#said{min-height:2.9em;margin:10px 0 0 202px;color:var(--text)} #said b{color:var(--faint);font-weight:500}
#constants{margin:6px 0 0 202px;color:var(--faint)} #constants span{margin-left:14px} #constants b{font-weight:500;
  color:var(--text)} #rows{position:relative}
"""

_SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const rows = document.getElementById('rows'), line = document.getElementById('line');
const plots = [...document.querySelectorAll('.plot')], said = document.getElementById('said');
function show(frame) {
  const at = Math.min(Math.floor(frame / data.step), Math.ceil(data.frames / data.step) - 1);
  for (const [name, values] of Object.entries(data.lines))
    document.querySelector(`[data-line="${CSS.escape(name)}"]`).textContent = values[at];
  said.replaceChildren();
  const place = document.createElement('b');
  place.textContent = `frame ${frame} · ${(frame / data.fps).toFixed(2)} s   `;
  said.append(place);
  for (const [texts, leading] of Object.values(data.words)) said.append(texts[leading[at]] + '   ');
}
rows.addEventListener('pointermove', event => {
  const box = plots[0].getBoundingClientRect(), all = rows.getBoundingClientRect();
  const share = (event.clientX - box.left) / box.width;
  if (share < 0 || share >= 1) return;
  const frame = Math.floor(share * data.frames);
  line.style.display = 'block';
  line.style.left = `${box.left - all.left + (frame + .5) / data.frames * box.width}px`;
  line.style.height = `${all.height}px`;
  show(frame);
});
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body><h1>{title}</h1><p>{subtitle}</p>
<div class="flags"><span></span><div>{flags}</div></div>
<main id="rows">
{rows}
<div id="line"></div></main>
<div class="axis"><span></span><div>{axis}</div><p>seconds<br>frames</p></div>
<div id="said"></div><div id="constants">{constants}</div>
<script type="application/json" id="data">{data}</script>
<script>{script}</script></body></html>
"""
