// Runs: the history with filters, and one run.

import { h, text, number, bytes, counted, duration, time, table, section, status, link, sourceLink, failure, definitions } from './dom.js';
import { bars } from './charts.js';
import { ask } from './api.js';
import { button, undo } from './actions.js';

export const refreshes = true;

const FILTERS = ['source', 'resource', 'process', 'status'];

export async function load({ parts, query }) {
	if (parts[0]) return { run: (await ask('run', { run: parts[0] }))[0] || null };
	const filter = Object.fromEntries([...FILTERS, 'before'].map(f => [f, query.get(f) || '']));
	const [runs, known] = await Promise.all([ask('runs', filter), ask('status')]);
	return { runs, filter, known: known.map(k => ({ source: k.source, resource: k.resource })) };
}

async function one(run) {
	if (!run) return [h('h1', {}, 'Run'), h('p', { class: 'empty' }, 'There is no such run, or it is none of those that you see.')];
	return [
		h('h1', {}, `Run ${number(run.run)}`),
		run.message && failure({ message: run.message, detail: run.detail, hint: run.hint }),
		definitions([
			['Status', status(run.status)], ['Source', sourceLink(run.source)], ['Resource', text(run.resource)], ['Process', text(run.process)],
			['Began', time(run.started_at, 'exact')], ['Took', duration(run.seconds)],
			['Received', number(run.received)], ['New', number(run.inserted)], ['Changed', number(run.updated)], ['As they were', number(run.unchanged)],
			['Removed', number(run.deleted)], ['Did not fit', number(run.bad_values)],
			['Requests', number(run.requests)], ['Pages', number(run.pages)], ['Bytes', bytes(run.bytes)],
			run.error_class && ['What failed', text(run.error_class)], run.note && ['Remarkable', text(run.note, 600)]]),
		run.process === 'purge' && run.status === 'finished' && run.deleted > 0 && h('p', { class: 'buttons' }, await button('Undo this purge…', 'undo', run.source, () => undo(run))),
		h('p', {}, link('#/runs', 'All runs'))];
}

export async function show({ run, runs, filter, known }) {
	if (run !== undefined) return one(run);
	const choose = (name, values) => h('label', {}, name[0].toUpperCase() + name.slice(1), h('select', { name }, h('option', { value: '' }, 'all'), values.map(v => h('option', { value: v, selected: v === filter[name] }, v))));
	const unique = values => [...new Set(values)].sort();
	const go = form => { location.hash = `#/runs?${new URLSearchParams(FILTERS.map(f => [f, form.elements[f].value]).filter(([, v]) => v))}`; };
	const oldest = runs.length ? runs[runs.length - 1].run : 0;
	const inOrder = [...runs].reverse();
	const words = r => `Run ${r.run}, ${r.process} of ${r.source} ${r.resource}, ${r.status}`;
	return [
		h('h1', {}, 'Runs'),
		h('form', { class: 'filter', onchange: e => go(e.currentTarget), onsubmit: e => { e.preventDefault(); go(e.currentTarget); } },
			choose('source', unique(known.map(k => k.source))), choose('resource', unique(known.filter(k => !filter.source || k.source === filter.source).map(k => k.resource))),
			choose('process', ['sync', 'purge', 'reconcile', 'remap', 'rebuild', 'undo', 'geocode', 'media', 'publish', 'feed', 'mart', 'test']), choose('status', ['running', 'finished', 'failed', 'cancelled', 'crashed'])),
		runs.length > 1 && section('These runs, oldest first', h('div', { class: 'pair' },
			h('figure', {}, h('figcaption', {}, 'Seconds'), bars('Seconds that runs took', inOrder.map(r => ({ value: Math.round(r.seconds * 10) / 10, bad: r.status === 'failed' || r.status === 'crashed', label: `${words(r)}: ${duration(r.seconds)}` })), { width: 600, height: 70, small: false })),
			h('figure', {}, h('figcaption', {}, 'Records received'), bars('Records that runs received', inOrder.map(r => ({ value: r.received, bad: r.status === 'failed' || r.status === 'crashed', label: `${words(r)}: ${counted(r.received, 'record', 'records')}` })), { width: 600, height: 70, small: false })))),
		table('Runs, newest first', [
			{ title: 'Run', cell: r => link(`#/runs/${r.run}`, number(r.run)) },
			{ title: 'Status', cell: r => [status(r.status), r.message && h('span', { class: 'small' }, ' ', text(r.message, 80))] },
			{ title: 'Source', cell: r => [sourceLink(r.source), ' ', text(r.resource)] },
			{ title: 'Process', cell: r => text(r.process) },
			{ title: 'Began', cell: r => time(r.started_at, 'exact') },
			{ title: 'Took', class: 'number', cell: r => duration(r.seconds) },
			{ title: 'Received', class: 'number', cell: r => number(r.received) },
			{ title: 'New', class: 'number', cell: r => number(r.inserted) },
			{ title: 'Changed', class: 'number', cell: r => number(r.updated) },
			{ title: 'Removed', class: 'number', cell: r => number(r.deleted) },
			{ title: 'Requests', class: 'number', cell: r => number(r.requests) }], runs, { empty: 'No run is as these filters say.', row: r => ({ 'data-run': r.run }) }),
		h('p', { class: 'buttons' }, filter.before && link(`#/runs?${new URLSearchParams(FILTERS.filter(f => filter[f]).map(f => [f, filter[f]]))}`, 'Newest'),
			runs.length === 60 && link(`#/runs?${new URLSearchParams([...FILTERS.filter(f => filter[f]).map(f => [f, filter[f]]), ['before', oldest]])}`, 'Older')),
	];
}
