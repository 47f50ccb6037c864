// Source: its resources, options without secrets, quota, drift, and whether it can be reached.

import { h, text, number, time, table, section, link, sourceLink, failure, level } from './dom.js';
import { share, percent } from './charts.js';
import { ask } from './api.js';
import { resourceColumns, steps } from './overview.js';
import { button, denied, sync, purge, reconcile, accept, into } from './actions.js';

export const refreshes = true;

export async function load({ parts }) {
	const [status, setup] = await Promise.all([ask('status'), ask('setup')]);
	const known = [...new Set([...status.map(s => s.source), ...setup[0].servers.map(s => s.name)])];
	const source = parts[0] || known[0];
	if (!known.includes(source)) return { known, setup: setup[0], missing: source };
	const [options, quota, drifted, days] = await Promise.all([ask('options', { source }), ask('quota', { source }).catch(problem => ({ problem })), ask('drifted', { source }), ask('days')]);
	return { known, source, status: status.filter(s => s.source === source), setup: setup[0], options, quota, drifted, days };
}

export async function show({ known, source, missing, status, setup, options, quota, drifted, days }) {
	if (missing) return [h('h1', {}, 'Source ', text(missing)), h('p', { class: 'empty' }, 'There is no such source, or it is none of those that you see.'), h('p', { class: 'chooser' }, known.map(s => [sourceLink(s), ' ']))];
	if (!source) return [h('h1', {}, 'Sources'), steps(setup)];
	const places = Object.fromEntries(['check', 'drift', 'count'].map(n => [n, h('div', {})]));
	const actions = async resource => h('span', { class: 'buttons' },
		await button('Sync', 'sync', source, () => sync(source, resource)),
		await button('Purge…', 'purge', source, () => purge(source, resource)),
		await button('Reconcile…', 'reconcile', source, () => reconcile(source, resource)));
	const cells = new Map(await Promise.all(status.map(async r => [r.resource, r.fed_by ? '' : await actions(r.resource)])));
	return [
		h('h1', {}, 'Source ', text(source)),
		known.length > 1 && h('p', { class: 'chooser' }, known.map(s => [s === source ? h('strong', {}, text(s)) : sourceLink(s), ' '])),
		await denied(['sync', 'purge', 'reconcile'], source),
		section('Resources', table(`Resources of ${source}`, [...resourceColumns(days), { title: 'Do', cell: r => cells.get(r.resource) }], status, { empty: 'Nothing of this source is replicated yet.', row: r => ({ class: r.state, 'data-resource': r.resource }) }),
			h('p', { class: 'buttons' }, await actions(),
				await button('Count at the source', 'count', source, () => into(places.count, 'count', { source }, rows => table('Counts', [
					{ title: 'Resource', cell: r => text(r.resource) },
					{ title: 'There', class: 'number', cell: r => number(r.remote_rows) },
					{ title: 'Here', class: 'number', cell: r => number(r.rows) },
					{ title: 'Difference', class: 'number', cell: r => number(r.difference) },
					{ title: 'Says', cell: r => text(r.message) }], rows))),
				link(`#/runs?source=${encodeURIComponent(source)}`, 'Runs'), link(`#/quality?source=${encodeURIComponent(source)}`, 'Quality'), link(`#/mapping/${encodeURIComponent(source)}`, 'Mapping')),
			places.count),
		status.filter(r => r.last_error).length > 0 && section('Last errors', status.filter(r => r.last_error).map(r => failure({ message: `${r.resource}: ${r.last_error}`, detail: r.failures ? `It has failed ${r.failures} times since the last success; what failed: ${r.error_class}.` : null }))),
		section('Quota', quota.problem ? failure(quota.problem) : table('Quota by window', [
			{ title: 'Window', cell: q => q.window },
			{ title: 'Used', class: 'number', cell: q => number(q.used) },
			{ title: 'Allowed', class: 'number', cell: q => number(q.allowed) },
			{ title: 'Share', cell: q => share(q.share, percent(q.share)) }], quota, { empty: 'The source has no limits that are known here: options requests_per_second, _minute, _hour, _day.' })),
		section('Schema', table('Changes of the schema that are open', [
			{ title: 'Resource', cell: r => text(r.resource) },
			{ title: 'Field', cell: r => text(r.field) },
			{ title: 'Change', cell: r => text(r.reason) },
			{ title: 'Since', cell: r => time(r.first_seen) }], drifted, { empty: 'No change of the schema is open.' }),
		h('p', { class: 'buttons' },
			await button('Compare the schema now', 'drift', source, () => into(places.drift, 'drift', { source }, rows => table('Differences', [
				{ title: 'Resource', cell: r => text(r.resource) },
				{ title: 'Change', cell: r => text(r.change) },
				{ title: 'Name', cell: r => text(r.name) },
				{ title: 'Says', cell: r => text(r.message) }], rows, { empty: 'The schema is as it is known.' }))),
			await button('Accept…', 'accept', source, () => accept(source))),
		places.drift),
		section('Connection', h('p', {}, 'Connects, logs in, reads the metadata and a record of each main resource: about a dozen requests of the quota.'),
			h('p', { class: 'buttons' }, await button('Check the connection', 'check', source, () => into(places.check, 'check', { source }, rows => table('mls_check', [
				{ title: 'Item', cell: r => text(r.item) },
				{ title: 'Outcome', cell: r => level(r.ok ? 'ok' : 'error') },
				{ title: 'Detail', cell: r => text(r.detail, 600) }], rows)))), places.check),
		section('Options', table('Options', [
			{ title: 'Option', cell: o => text(o.name) },
			{ title: 'Value', cell: o => (o.value === null ? h('span', { class: 'nothing' }, 'not shown') : text(o.value)) },
			{ title: 'Of', cell: o => text(o.object) },
			{ title: 'Means', cell: o => text(o.help, 300) }], options, { empty: 'No options are shown to this role.' })),
	];
}
