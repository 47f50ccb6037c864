// Charts as inline SVG, each with the same in words.

import { h, svg, number, duration } from './dom.js';

// Bars, one a day or a run: values as { value, label, bad }.
export function bars(what, values, { width = 120, height = 24, small = true } = {}) {
	if (values.length === 0) return h('span', { class: 'nothing' }, '–');
	const most = Math.max(1, ...values.map(v => v.value));
	const step = width / values.length;
	const total = values.reduce((sum, v) => sum + v.value, 0);
	const words = `${what}: ${number(total)} in all, ${number(most)} at most.`;
	return svg('svg', { class: small ? 'spark' : 'bars', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': words, preserveAspectRatio: 'none' },
		svg('title', {}, words),
		values.map((v, i) => {
			const tall = v.value > 0 ? Math.max(1.5, v.value / most * (height - 2)) : 1;
			return svg('rect', { class: v.bad ? 'bad' : v.value > 0 ? 'bar' : 'none', x: (i * step + step * 0.12).toFixed(2), y: (height - tall).toFixed(2), width: (step * 0.76).toFixed(2), height: tall.toFixed(2) },
				svg('title', {}, v.label));
		}));
}

// A line through values { value, label, faint }; what is not known (null) is a gap, and faint
// values are hollow.
export function line(what, values, { width = 240, height = 80 } = {}) {
	const known = values.filter(v => v.value !== null);
	if (known.length === 0) return h('p', { class: 'nothing' }, 'not known');
	const most = Math.max(...known.map(v => v.value));
	const least = Math.min(0, ...known.map(v => v.value));
	const x = i => 4 + (values.length > 1 ? i / (values.length - 1) : 0.5) * (width - 8);
	const y = value => 4 + (most === least ? 0.5 : (most - value) / (most - least)) * (height - 8);
	const runs = [];
	values.forEach((v, i) => {
		if (v.value === null) return;
		if (i === 0 || values[i - 1].value === null) runs.push([]);
		runs[runs.length - 1].push(`${x(i).toFixed(1)},${y(v.value).toFixed(1)}`);
	});
	const words = `${what}: from ${number(Math.min(...known.map(v => v.value)))} to ${number(most)}, last ${number(known[known.length - 1].value)}.`;
	return svg('svg', { class: 'line', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': words },
		svg('line', { class: 'tick', x1: 0, x2: width, y1: y(0), y2: y(0) }),
		runs.map(points => svg('polyline', { points: points.join(' ') })),
		values.map((v, i) => v.value !== null && svg('circle', { class: v.faint ? 'faint' : '', cx: x(i).toFixed(1), cy: y(v.value).toFixed(1), r: 2.5 }, svg('title', {}, v.label))));
}

// A share from 0 to 1 with its words.
export function share(value, words, { warn = 0.75, critical = 0.9, good = false } = {}) {
	const part = Math.max(0, Math.min(1, Number(value) || 0));
	const kind = good ? 'fine' : value >= critical ? 'critical' : value >= warn ? 'warning' : 'fine';
	return h('span', { class: 'share' },
		svg('svg', { class: 'meter', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
			svg('rect', { class: 'track', width: 100, height: 8, rx: 2 }),
			svg('rect', { class: kind, width: Math.max(part * 100, value > 0 ? 1.5 : 0), height: 8, rx: 2 })),
		h('span', {}, words));
}

export const percent = value => {
	const n = Number(value) * 100;
	return `${n > 0 && n < 1 ? n.toFixed(1) : Math.round(n)} %`;
};

// Processes on a band of the next 24 hours, a lane each; as long as they typically take.
export function band(lanes) {
	const left = 170;
	const width = 960;
	const lane = 24;
	const top = 26;
	const tall = top + lanes.length * lane + 6;
	const day = 86400;
	const x = seconds => left + seconds / day * (width - left - 10);
	const start = new Date();
	const first = new Date(start);
	first.setMinutes(0, 0, 0);
	const ticks = [];
	for (let at = first.getTime() + 3600000; at < start.getTime() + day * 1000; at += 3600000) ticks.push(new Date(at));
	return svg('svg', { class: 'band', viewBox: `0 0 ${width} ${tall}`, role: 'img', 'aria-label': `What runs in the next 24 hours: ${lanes.length} processes; the table below has the same.` },
		ticks.filter(t => t.getHours() % 3 === 0).map(t => {
			const at = x((t - start) / 1000);
			return [svg('line', { class: 'tick', x1: at, x2: at, y1: top - 6, y2: tall - 4 }),
				at > left + 40 && svg('text', { class: 'hour', x: at, y: 14, 'text-anchor': 'middle' }, `${String(t.getHours()).padStart(2, '0')}:00`)];
		}),
		svg('text', { class: 'hour', x: left, y: 14, 'text-anchor': 'middle' }, 'now'),
		lanes.map((l, i) => {
			const y = top + i * lane;
			return [
				svg('rect', { class: i % 2 ? 'lane' : 'lane odd', x: 0, y, width, height: lane }),
				svg('text', { class: 'lane-name', x: 6, y: y + 16 }, l.name),
				l.allDay
					? svg('rect', { class: `run ${l.process}`, x: x(0), y: y + 6, width: x(day) - x(0), height: lane - 12, rx: 2 }, svg('title', {}, `${l.name}: all the time`))
					: l.seconds.map(s => svg('rect', { class: `run ${l.process}`, x: x(Math.min(s, day)).toFixed(1), y: y + 4, width: Math.max(2.5, x(Math.min(day, s + (l.typical || 0))) - x(s)).toFixed(1), height: lane - 8, rx: 2 },
						svg('title', {}, `${l.name}: ${new Date(start.getTime() + s * 1000).toLocaleTimeString()}${l.typical ? `, takes ${duration(l.typical)}` : ''}`)))];
		}));
}
