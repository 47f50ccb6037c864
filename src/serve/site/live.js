// Live: what is at work, as it goes on, and what was begun here.

import { h, text, number, bytes, counted, duration, time, table, section, sourceLink, link, failure, say } from './dom.js';
import { share, percent } from './charts.js';
import { watch, cancel } from './api.js';

export const load = async () => ({});

const TITLES = { sync: 'Sync', purge: 'Purge', reconcile: 'Reconcile', undo: 'Undo', count: 'Count', verify: 'Verify', check: 'Check', drift: 'Compare the schema', accept: 'Accept the schema', compare: 'Compare a record', remove: 'Remove files', publish: 'Send', feed: 'Write', mart: 'Fill' };

function progress(rows) {
	if (rows.length === 0) return h('p', { class: 'empty' }, 'Nothing is at work now. Begin something on ', link('#/source', 'Sources'), ', or wait for what is scheduled.');
	return h('ul', { class: 'work' }, rows.map(p => h('li', { 'data-run': p.run },
		h('p', {}, h('strong', {}, p.process), ' of ', sourceLink(p.source), ' ', text(p.resource), ', ', text(p.phase), p.waiting_for && ` (waits for the ${p.waiting_for})`),
		p.expected ? share(p.received / p.expected, `${number(p.received)} of ${number(p.expected)} (${percent(Math.min(1, p.received / p.expected))})`, { good: true })
			: h('progress', { 'aria-label': 'at work' }),
		h('p', { class: 'small' }, `${duration(p.seconds)}, ${counted(p.received, 'record', 'records')}, ${number(p.rate)} a second, ${counted(p.requests, 'request', 'requests')}, ${bytes(p.bytes)}`,
			p.estimated_end && [', done ', time(p.estimated_end)], ', ', link(`#/runs/${p.run}`, `run ${number(p.run)}`)))));
}

function outcome(job) {
	if (!job.ended) return h('span', { class: 'state syncing' }, h('span', { 'aria-hidden': 'true' }, '⟳'), ' at work');
	if (!job.good) return [h('span', { class: 'state failed' }, h('span', { 'aria-hidden': 'true' }, '✕'), ' failed'), failure(job.answer.error || {})];
	const rows = job.answer.rows || [];
	const columns = rows.length ? Object.keys(rows[0]) : [];
	return [h('span', { class: 'state synced' }, h('span', { 'aria-hidden': 'true' }, '✓'), ` ended well, ${counted(rows.length, 'row', 'rows')}`),
		(job.answer.notices || []).map(n => h('p', { class: 'note' }, text(n.message, 600), n.hint && [' ', text(n.hint, 600)])),
		rows.length > 0 && h('details', { open: rows.length <= 12 }, h('summary', {}, 'What it returned'),
			table('What it returned', columns.map(c => ({ title: c, class: typeof rows[0][c] === 'number' ? 'number' : '', cell: r => (c === 'seconds' ? duration(r[c]) : typeof r[c] === 'number' ? number(r[c]) : text(r[c])) })), rows.slice(0, 200)))];
}

export async function show(data, { onLeave }) {
	const work = h('div', { id: 'work' }, h('p', { class: 'empty' }, 'Looking…'));
	const list = h('div', { id: 'jobs' });
	let known = '';
	onLeave(watch(now => {
		const rows = now.progress.rows;
		work.replaceChildren(rows ? progress(rows) : failure(now.progress.error || {}));
		const jobs = JSON.stringify(now.jobs);
		if (jobs === known) return;
		known = jobs;
		list.replaceChildren(now.jobs.length === 0 ? h('p', { class: 'empty' }, 'Nothing was begun here since the site was started.')
			: h('ul', { class: 'work' }, now.jobs.map(job => h('li', { 'data-job': job.job, 'data-ended': job.ended ? (job.good ? 'good' : 'bad') : 'no' },
				h('p', {}, h('strong', {}, TITLES[job.name] || job.name), ' ',
					text(Object.values(job.arguments).filter(v => v !== null && v !== 'false' && v !== '').map(v => (v === 'true' ? 'with options' : v)).join(' '), 200), ', began ', time(job.began), job.ended && `, took ${duration((job.ended - job.began) / 1000)}`, ' ',
					!job.ended && h('button', { type: 'button', onclick: () => cancel(job.job).then(() => say('It is cancelled.'), problem => say(problem.message)) }, 'Cancel')),
				outcome(job)))));
	}));
	return [h('h1', {}, 'Live'), section('At work', work), section('Begun here', list)];
}
