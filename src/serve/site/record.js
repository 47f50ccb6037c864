// Record: found by key, number or address; each field in all layers, its changes, its photos.

import { h, text, number, time, counted, table, section, link, failure } from './dom.js';
import { ask } from './api.js';
import { button, into } from './actions.js';

const at = (source, resource, key) => `#/record/${[source, resource, key].map(encodeURIComponent).join('/')}`;

export async function load({ parts, query }) {
	const [source, resource, key] = parts;
	if (key === undefined) {
		const wanted = (query.get('text') || '').trim();
		return { wanted, found: wanted ? await ask('find', { text: wanted }).catch(problem => ({ problem: { message: problem.message, detail: problem.detail, hint: problem.hint } })) : null };
	}
	const [layers, changes, files] = await Promise.all([
		ask('layers', { source, resource, key }), ask('changes', { source, resource, key }).catch(() => null), ask('find', { text: key, source }).catch(() => [])]);
	return { source, resource, key, layers, changes, files: files.filter(f => f.field === 'ResourceRecordKey') };
}

function search(wanted) {
	return h('form', { class: 'filter', role: 'search', onsubmit: e => { e.preventDefault(); location.hash = `#/record?${new URLSearchParams({ text: e.currentTarget.elements.text.value })}`; } },
		h('label', {}, 'Key, listing number or part of an address', h('input', { name: 'text', type: 'search', value: wanted || '', required: true, maxlength: 200, spellcheck: 'false' })),
		h('button', { type: 'submit', class: 'main' }, 'Find'));
}

function results(wanted, found) {
	if (!wanted) return h('p', { class: 'empty' }, 'A record is found by its key at the source, its key in gold, a listing number, or a part of its address, in all that is replicated.');
	if (found.problem) return failure(found.problem);
	return table(`Records for ${wanted}`, [
		{ title: 'Key', cell: r => link(at(r.source, r.resource, r.key), text(r.key)) },
		{ title: 'Known as', cell: r => text(r.label) },
		{ title: 'Source', cell: r => text(r.source) },
		{ title: 'Resource', cell: r => text(r.resource) },
		{ title: 'Found in', cell: r => text(r.field === 'mls_source_key' ? 'key at the source' : r.field) }],
	found, { empty: 'Nothing here has that as a key, a number or in its address. Keys and numbers are compared whole, as the source spells them.' });
}

const MARKS = { differs: 'not what the source has' };

function fields(rows, remote) {
	const filter = h('input', { type: 'search', placeholder: 'List', 'aria-label': 'Only fields whose name has this', spellcheck: 'false', maxlength: 100 });
	const filled = h('input', { type: 'checkbox', checked: true });
	const differing = h('input', { type: 'checkbox' });
	const place = h('div', {});
	const draw = () => {
		const wanted = filter.value.toLowerCase();
		const kept = rows.filter(r => (!wanted || String(r.field).toLowerCase().includes(wanted)) && (!differing.checked || r.differs)
			&& (!filled.checked || [r.remote, r.bronze, r.silver, r.gold].some(v => v !== null && v !== undefined)));
		place.replaceChildren(table('Fields in all layers', [
			{ title: 'Field', cell: r => [text(r.field), r.differs && h('span', { class: 'differ' }, ' ≠ ', MARKS.differs)] },
			...(remote ? [{ title: 'At the source', class: 'value', cell: r => text(r.remote) }] : []),
			{ title: 'Bronze', class: 'value', cell: r => text(r.bronze) },
			{ title: 'Silver', class: 'value', cell: r => text(r.silver) },
			{ title: 'Gold', class: 'value', cell: r => text(r.gold) }], kept, { empty: 'No field is so.', row: r => ({ class: r.differs ? 'differs' : '', 'data-field': r.field }) }));
	};
	filter.addEventListener('input', draw);
	filled.addEventListener('change', draw);
	differing.addEventListener('change', draw);
	draw();
	return [h('p', { class: 'filter' }, h('label', {}, 'Fields ', filter), h('label', { class: 'check' }, filled, ' with a value only'), remote && h('label', { class: 'check' }, differing, ' that differ only')), place];
}

export async function show({ wanted, found, source, resource, key, layers, changes, files }) {
	if (key === undefined) return [h('h1', {}, 'Record'), search(wanted), results(wanted, found)];
	const place = h('div', { id: 'fields' }, layers.length ? fields(layers, false) : h('p', { class: 'empty' }, 'Nothing here has this key. The source may: ask it.'));
	const verdict = h('p', { id: 'verdict', role: 'status' });
	const compare = () => into(place, 'compare', { source, resource, key }, rows => {
		const differ = rows.filter(r => r.differs).length;
		verdict.textContent = differ ? `${counted(differ, 'field differs', 'fields differ')} from the source.` : 'The copy is what the source has now.';
		return h('div', {}, fields(rows, true));
	});
	return [
		h('h1', {}, text(key)),
		h('p', {}, text(resource), ' of ', text(source)),
		search(''),
		section('Fields', h('p', { class: 'buttons' }, await button('Ask the source now', 'compare', source, compare, { kind: 'main' }), h('span', { class: 'small' }, 'One request of the quota.')), verdict, place),
		section('Changes', changes === null ? h('p', { class: 'empty' }, 'This role does not see changes.') : table('Changes of this record in gold', [
			{ title: 'When', cell: c => time(c.at, 'exact') },
			{ title: 'What', cell: c => text(c.kind) },
			{ title: 'Fields, old and new', cell: c => (c.fields ? Object.entries(c.fields).map(([name, value]) => h('p', { class: 'change' }, text(name), ': ', Array.isArray(value) ? [text(value[0], 80), ' → ', text(value[1], 80)] : value && typeof value === 'object' && 'old' in value ? [text(value.old, 80), ' → ', text(value.new, 80)] : text(value, 80))) : text(null)) },
			{ title: 'Run', cell: c => (c.run ? link(`#/runs/${c.run}`, number(c.run)) : text(null)) }], changes, { empty: 'No change is known. Changes are noted from when mls_track() is called for its foreign table.' })),
		section('Photos and files', table('Photos and files', [
			{ title: 'Key', cell: f => link(at(f.source, f.resource, f.key), text(f.key)) },
			{ title: 'Address', cell: f => (/^https?:\/\//i.test(f.label || '') ? link(f.label, text(f.label, 120), { rel: 'noopener noreferrer', target: '_blank' }) : text(f.label)) }],
		files, { empty: 'No media of this record are replicated.' }), files.length > 0 && h('p', { class: 'small' }, 'They lie at the source’s servers: this page loads nothing from there, a link does.')),
	];
}
