"""From runs to medians, a table in Markdown and a chart."""
import statistics

BASE = "haproxy"
COLOURS = {"sentinel": "#0b6e4f", "managed": "#7fb69f", "kernel": "#bbbbbb"}
OTHERS = ["#33658a", "#86bbd8", "#f6ae2d", "#f26419", "#8d6a9f"]


def medians(runs):
    """scenario -> relay -> {figure: median}, from scenario -> relay -> [run]."""
    return {scenario: {relay: {key: statistics.median(run[key] for run in list_) for key in list_[0]} | {
        "least": min(run["rate"] for run in list_), "most": max(run["rate"] for run in list_)}
        for relay, list_ in relays.items() if list_} for scenario, relays in runs.items()}


def _number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def others(runs):
    """How many processors programs that are no part of the bench used meanwhile: median over all runs."""
    every = [run["others"] for relays in runs.values() for list_ in relays.values() for run in list_]
    return statistics.median(every) if every else 0


def table(scenario, relays, figures):
    with_latency = any("p99" in figure for figure in figures.values())
    head = ["relay", f"median {scenario.unit}", "least – most", "× HAProxy", f"processor {scenario.work_unit}"] + (["p50 µs", "p99 µs"] if with_latency else [])
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(head) - 1)) + "|"]
    base = figures.get(BASE, {}).get("rate")
    for relay in relays:
        figure = figures.get(relay.name)
        if figure is None:
            continue
        cells = [f"**{relay.label}**" if relay.name == "sentinel" else relay.label, _number(figure["rate"]),
                 f"{_number(figure['least'])} – {_number(figure['most'])}", f"{figure['rate'] / base:.2f}" if base else "",
                 f"{figure['cpu']:.3f}" if relay.processes() or figure["cpu"] else "–"]
        if with_latency:
            cells += [_number(figure.get("p50", 0)), _number(figure.get("p99", 0))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def chart(groups, relays):
    """Grouped bars, each scenario relative to HAProxy. groups: [(title, {relay name: ratio})]."""
    bar, gap, left, width = 13, 22, 210, 860
    most = max((ratio for _, ratios in groups for ratio in ratios.values()), default=1)
    scale = (width - left - 60) / most
    others = iter(OTHERS)
    colour = {relay.name: COLOURS.get(relay.name) or next(others) for relay in relays}
    body, y = [], 70
    for title, ratios in groups:
        top = y
        for relay in relays:
            if relay.name in ratios:
                length = ratios[relay.name] * scale
                body.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" fill="{colour[relay.name]}"/>'
                            f'<text x="{left + length + 4:.1f}" y="{y + 9}" class="value">{ratios[relay.name]:.2f}</text>')
                y += bar
        body.append(f'<text x="{left - 10}" y="{(top + y) / 2 + 3:.1f}" text-anchor="end">{title}</text>')
        y += gap
    legend, x = [], 10
    for relay in relays:
        legend.append(f'<rect x="{x}" y="38" width="10" height="10" fill="{colour[relay.name]}"/><text x="{x + 14}" y="47">{relay.name}</text>')
        x += 24 + 7 * len(relay.name) + 10
    line = left + scale
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="12">\n'
            f'<style>text {{ fill: #222 }} .value {{ font-size: 10px }}</style><rect width="{width}" height="{y}" fill="white"/>\n'
            f'<text x="10" y="22" font-size="15" font-weight="bold">Relays, relative to HAProxy with splice-auto (more is better)</text>\n'
            + "\n".join(legend) + f'\n<line x1="{line:.1f}" y1="60" x2="{line:.1f}" y2="{y - gap + 6}" stroke="#999" stroke-dasharray="3 3"/>\n'
            + "\n".join(body) + "\n</svg>\n")
