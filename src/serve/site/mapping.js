// Mapping: which rule makes each field of gold, and what it made of a record.

import { h, text, counted, table, section, link, quoted, failure, unread } from './dom.js';
import { ask, session, perhaps } from './api.js';
import { steps } from './overview.js';

export async function load({ parts, query }) {
	const known = (await ask('status')).map(k => ({ source: k.source, resource: k.resource }));
	const source = parts[0] || (known[0] || {}).source;
	const resource = parts[1] || (known.find(k => k.source === source) || {}).resource;
	if (!resource) return { known, setup: (await ask('setup'))[0] };
	const [rules, problems, layers] = await Promise.all([perhaps(ask('mapping', { source, resource })), perhaps(ask('problems', { source, resource })), perhaps(ask('layers', { source, resource, key: query.get('key') }))]);
	return { known, source, resource, rules, problems, layers };
}

export async function show({ known, source, resource, rules, problems, layers, setup }) {
	if (!resource) return [h('h1', {}, 'Mapping'), setup ? steps(setup) : h('p', { class: 'empty' }, 'Nothing is replicated of it.')];
	const chooser = h('p', { class: 'chooser' }, known.map(k => [k.source === source && k.resource === resource ? h('strong', {}, text(`${k.source} ${k.resource}`)) : link(`#/mapping/${encodeURIComponent(k.source)}/${encodeURIComponent(k.resource)}`, text(`${k.source} ${k.resource}`)), ' ']));
	if (rules.problem) return [h('h1', {}, 'Mapping'), chooser, unread(rules.problem, `The rules are shown to roles that may call mls_map_explain(): a superuser lets this one with SELECT mls_grant(${quoted(session.role)});`)];
	const sample = Array.isArray(layers) ? layers : [];
	const gold = new Map(sample.map(l => [l.field, l.gold]));
	const key = sample.length ? sample[0].key : null;
	// The column of silver that a rule begins with, as a field of the source.
	const silver = new Map(sample.map(l => [String(l.field).toLowerCase().replaceAll('_', ''), l.silver]));
	const read = rule => {
		const columns = [...new Set([...String(rule.value || '').matchAll(/\br\.("?)([A-Za-z0-9_]+)\1/g)].map(m => m[2]))];
		return columns.map(c => [c, silver.get(c.toLowerCase().replaceAll('_', ''))]).filter(([, v]) => v !== undefined);
	};
	const filter = h('input', { type: 'search', 'aria-label': 'Only fields whose name has this', spellcheck: 'false', maxlength: 100 });
	const own = h('input', { type: 'checkbox' });
	const place = h('div', {});
	const draw = () => {
		const wanted = filter.value.toLowerCase();
		const kept = rules.filter(r => (!wanted || r.field.toLowerCase().includes(wanted)) && (!own.checked || r.kind !== 'identity'));
		place.replaceChildren(table('Rules', [
			{ title: 'Field of gold', cell: r => text(r.field) },
			{ title: 'Rule', cell: r => text(r.kind) },
			{ title: 'Says', class: 'value', cell: r => h('code', {}, text(r.rule, 160)) },
			{ title: 'Type', cell: r => text(r.type) },
			{ title: 'Silver has', class: 'value', cell: r => read(r).map(([c, v], i) => [i > 0 && ', ', v === null ? text(null) : text(v, 80)]) },
			{ title: 'Gold has', class: 'value', cell: r => text(gold.get(r.field), 120) }], kept, { empty: 'No rule is so.', row: r => ({ 'data-field': r.field }) }));
	};
	filter.addEventListener('input', draw);
	own.addEventListener('change', draw);
	draw();
	return [
		h('h1', {}, 'Mapping'), chooser,
		Array.isArray(problems) && problems.length > 0 && section('Rules that do not fit', table('Rules that do not fit', [
			{ title: 'Field', cell: p => text(p.field) }, { title: 'Problem', cell: p => text(p.problem, 400) }], problems)),
		section('Rules', h('p', {}, rules.length ? [`${counted(rules.length, 'field of', 'fields of')} ${rules[0].resource} are made of `, text(source), ' ', text(resource), key !== null ? [', shown with the record ', link(`#/record/${[source, resource, key].map(encodeURIComponent).join('/')}`, text(key, 60)), ', the newest here.'] : '.'] : 'No rule makes anything of it.'),
			layers && layers.problem && failure(layers.problem),
			h('p', { class: 'filter' }, h('label', {}, 'Fields ', filter), h('label', { class: 'check' }, own, ' other than as they are')), place),
	];
}
