// Datasets: what became of their files, and files that are sent.

import { h, text, number, bytes, counted, time, table, section, state, link, sql, quoted, unread, failure } from './dom.js';
import { ask, act, session, perhaps, forgetRights } from './api.js';
import { button, confirm, sync, denied } from './actions.js';

export const refreshes = true;

// What is sent at a time, before it becomes base64.
const PIECE = 384 * 1024;

export async function load({ parts }) {
	// A dataset may have come since, and with it what may be done with it.
	forgetRights();
	const datasets = await perhaps(ask('datasets'));
	if (datasets.problem || parts.length < 2) return { datasets };
	const [source, resource] = parts;
	return { datasets, one: datasets.find(d => d.source === source && d.resource === resource) || null, files: await ask('files', { source, resource }) };
}

const place = d => `#/datasets/${encodeURIComponent(d.source)}/${encodeURIComponent(d.resource)}`;
const wrong = (n, ...more) => (n > 0 ? h('span', { class: 'differ' }, number(n), ...more) : number(n));

const columns = [
	{ title: 'Dataset', cell: d => link(place(d), text(`${d.source} ${d.resource}`)) },
	{ title: 'State', cell: d => state(d.state) },
	{ title: 'Files', class: 'number', cell: d => [number(d.files), d.failed > 0 && h('span', { class: 'differ' }, ` (${number(d.failed)} failed)`)] },
	{ title: 'Size', class: 'number', cell: d => bytes(d.bytes) },
	{ title: 'Rows', class: 'number', cell: d => number(d.local_rows) },
	{ title: 'Rejected', class: 'number', cell: d => wrong(d.rejected) },
	{ title: 'Issues', class: 'number', cell: d => (d.issues > 0 ? link(`#/quality?source=${encodeURIComponent(d.source)}`, number(d.issues)) : number(d.issues)) },
	{ title: 'Last error', cell: d => text(d.error, 120) },
	{ title: 'Next try', cell: d => time(d.next_attempt_at) },
	{ title: 'Synced', cell: d => time(d.synced_at) }];

const fileColumns = removal => [
	{ title: 'File', cell: f => text(f.name) },
	{ title: 'State', cell: f => state(f.state) },
	{ title: 'Size', class: 'number', cell: f => bytes(f.bytes) },
	{ title: 'Rows', class: 'number', cell: f => number(f.rows) },
	{ title: 'Rejected', class: 'number', cell: f => wrong(f.rejected) },
	{ title: 'How it was read', cell: f => text(f.reading, 120) },
	{ title: 'Error', cell: f => text(f.error, 200) },
	{ title: 'Next try', cell: f => time(f.next_attempt_at) },
	{ title: 'Synced', cell: f => time(f.synced_at) },
	{ title: 'Do', cell: f => removal.get(f.name) }];

async function base64(blob) {
	const words = new Uint8Array(await blob.arrayBuffer());
	let letters = '';
	for (let i = 0; i < words.length; i += 8192) letters += String.fromCharCode(...words.subarray(i, i + 8192));
	return btoa(letters);
}

// One file, in pieces.
async function send(source, file, tell) {
	let begun;
	for (let at = 0; at === 0 || at < file.size; at += PIECE) {
		tell(`Sending ${file.name}: ${bytes(at)} of ${bytes(file.size)}.`);
		const answer = await act('upload', { source, name: file.name, at, more: at + PIECE < file.size, bytes: await base64(file.slice(at, at + PIECE)), begun });
		begun = answer.rows[0].number;
	}
}

async function uploadForm(d, again) {
	const note = await denied(['upload'], d.source);
	if (note) return note;
	const told = h('p', { role: 'status', class: 'small' });
	const outcome = h('div', {});
	const form = h('form', {
		class: 'upload', onsubmit: async event => {
			event.preventDefault();
			const files = [...form.elements.files.files];
			const yes = form.querySelector('button');
			yes.disabled = true;
			outcome.replaceChildren();
			try {
				for (const file of files) await send(d.source, file, words => { told.textContent = words; });
				await act('sync', { source: d.source, resource: d.resource });
				told.textContent = `${counted(files.length, 'file was', 'files were')} sent, and a sync has begun.`;
				form.reset();
				setTimeout(again, 1000);
			} catch (problem) {
				outcome.replaceChildren(failure(problem));
			}
			yes.disabled = false;
		},
	}, h('label', {}, 'Files', h('input', { type: 'file', name: 'files', multiple: true, required: true })),
	h('p', { class: 'buttons' }, h('button', { type: 'submit', class: 'main', 'data-action': 'upload' }, 'Send')), told, outcome);
	return form;
}

function remove(d, name, again) {
	const call = `SELECT mls_dataset_remove(${quoted(d.foreign_table)}${name ? `, ${quoted(name)}` : ''});`;
	confirm(name ? 'Remove a file' : 'Remove the dataset', [
		h('p', {}, name ? ['Removes the rows of ', h('strong', {}, text(name)), ' from gold, silver and bronze', d.uploads ? ', and the file.' : '. The file stays where it is: if it is still there, the next sync brings it again.']
			: ['Removes ', h('strong', {}, text(`${d.source} ${d.resource}`)), ': its rows, its tables, its subscription', d.uploads ? ' and its files.' : '. Its files stay where they are.'], ' It cannot be undone.'),
		sql(call)], 'Remove', async () => {
		await act('remove', { source: d.source, resource: d.resource, name: name || '' });
		if (!name) location.hash = '#/datasets';
		setTimeout(again, 1000);
	}, { kind: 'danger' });
}

async function one(d, files, again) {
	if (!d) return [h('h1', {}, 'Dataset'), h('p', { class: 'empty' }, 'There is no such dataset, or it is none of those that you see.'), h('p', {}, link('#/datasets', 'All datasets'))];
	const removal = new Map(await Promise.all(files.map(async f => [f.name, await button('Remove…', 'remove', d.source, () => remove(d, f.name, again))])));
	return [
		h('h1', {}, 'Dataset ', text(`${d.source} ${d.resource}`)),
		table('This dataset', columns, [d], { row: r => ({ class: r.state, 'data-dataset': `${r.source} ${r.resource}` }) }),
		h('p', { class: 'buttons' }, await button('Sync', 'sync', d.source, () => sync(d.source, d.resource)), ' ', await button('Remove the dataset…', 'remove', d.source, () => remove(d, null, again))),
		section('Files', table('Files', fileColumns(removal), files, { row: f => ({ class: f.state, 'data-file': f.name }), empty: 'No file was seen yet: sync looks for them.' })),
		d.uploads ? section('Send files', await uploadForm(d, again)) : h('p', { class: 'small' }, 'Its files come from ', text(d.url), ': they are put there, not sent.'),
		h('p', {}, link('#/datasets', 'All datasets'))];
}

export async function show({ datasets, one: chosen, files }, { again }) {
	if (datasets.problem) return [h('h1', {}, 'Datasets'), unread(datasets.problem, `Datasets are shown to members of pg_monitor and to roles that replicate: SELECT mls_grant(${quoted(session.role)});`)];
	if (chosen !== undefined) return one(chosen, files, again);
	return [
		h('h1', {}, 'Datasets'),
		table('Datasets', columns, datasets, { row: d => ({ class: d.state, 'data-dataset': `${d.source} ${d.resource}` }), empty: 'No dataset is replicated yet.' }),
		datasets.length === 0 && [h('p', {}, 'A place of files becomes a server, each kind of file in it a table:'),
			sql("CREATE SERVER office FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:');\nSELECT * FROM mls_dataset_inspect('office');")]];
}
