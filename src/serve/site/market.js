// Market: the figures of a mart, small charts of places by kinds of property, and the same as a
// table beside each and as CSV.

import { h, text, number, table, section, link, unread, time } from './dom.js';
import { line } from './charts.js';
import { ask, perhaps } from './api.js';

// What is shown, with the column whose definition it has; the words of the page are short ones.
const MEASURES = [
	{ column: 'inventory_eom', name: 'Inventory' },
	{ column: 'median_sale_price', name: 'Median price', money: true },
	{ column: 'months_supply_12p', name: 'Months of supply' },
	{ column: 'dom_median', name: 'Days on market' },
];
const LEVELS = ['all', 'country', 'state', 'county', 'city', 'postal', 'area'];
const MONTHS = ['12', '24', '60'];

export async function load({ parts, query }) {
	const marts = await perhaps(ask('marts'));
	const mart = parts[0] || (marts.length ? marts[0].name : null);
	if (marts.problem || mart === null) return { marts, mart };
	const choice = await perhaps(ask('market_choice', { mart }));
	if (choice.problem) return { marts, mart, choice };
	const level = query.get('level') || (choice.some(c => c.level === 'city') ? 'city' : 'all');
	const transaction = query.get('transaction') || 'sale';
	const of = choice.filter(c => c.transaction === transaction);
	const wanted = { mart, level, transaction, currency: query.get('currency') || (of[0] && of[0].currency) || 'USD', source: query.get('source') || '0', months: query.get('months') || '24' };
	const [figures, definitions, sources] = await Promise.all([perhaps(ask('market', wanted)), ask('market_definitions'), perhaps(ask('market_sources', { mart }))]);
	return { marts, mart, choice, wanted, figures, definitions, sources };
}

const unique = values => [...new Set(values)];

function csvCell(value) {
	if (value === null || value === undefined) return '';
	const words = String(value);
	// A text that a spreadsheet would take for a formula is none.
	const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
	return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

const COLUMNS = ['month', 'place', 'kind', 'inventory_eom', 'new_listings', 'new_pending', 'closed_sales', 'median_sale_price', 'months_supply_12p', 'dom_median', 'sale_to_list_pct', 'is_thin', 'is_complete'];

export function csv(figures) {
	return [COLUMNS, ...figures.map(f => COLUMNS.map(c => f[c]))].map(row => row.map(csvCell).join(',')).join('\r\n') + '\r\n';
}

function download(figures, name) {
	const address = URL.createObjectURL(new Blob([csv(figures)], { type: 'text/csv;charset=utf-8' }));
	h('a', { href: address, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(address), 1000);
}

const monthName = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric', timeZone: 'UTC' });
const monthOf = value => monthName.format(new Date(`${value}T00:00:00Z`));

// One chart and its table.
function figure(rows, measure, definition, currency, what) {
	const words = value => (value === null ? 'not known' : `${number(Number(value))}${measure.money ? ` ${currency}` : ''}`);
	const points = rows.map(r => ({ value: r[measure.column] === null ? null : Number(r[measure.column]), faint: !r.is_complete || (r.is_thin && measure.column !== 'inventory_eom'),
		label: `${monthOf(r.month)}: ${words(r[measure.column])}${r.is_complete ? '' : ', the month is not over'}${r.is_thin && measure.column !== 'inventory_eom' ? ', of few sales' : ''}` }));
	const last = [...rows].reverse().find(r => r[measure.column] !== null);
	return h('figure', { class: 'measure', 'data-measure': measure.column },
		h('figcaption', { title: definition }, measure.name, ' ', h('strong', {}, last ? words(last[measure.column]) : '–'), last && h('span', { class: 'small' }, ' ', monthOf(last.month))),
		line(`${measure.name}, ${what}`, points),
		h('details', {}, h('summary', {}, 'Table'), h('p', { class: 'small' }, definition),
			table(`${measure.name}, ${what}`, [
				{ title: 'Month', cell: r => monthOf(r.month) },
				{ title: measure.name, class: 'number', cell: r => (r[measure.column] === null ? text(null) : words(r[measure.column])) },
				{ title: 'Sales', class: 'number', cell: r => number(r.closed_sales) }], [...rows].reverse(), { row: r => ({ 'data-month': r.month }) })));
}

export async function show({ marts, mart, choice, wanted, figures, definitions, sources }) {
	const title = h('h1', {}, 'Market');
	if (marts.problem) return [title, unread(marts.problem, 'Marts are shown to their owners and to members of pg_monitor.')];
	if (mart === null) return [title, h('p', { class: 'empty' }, 'There is no mart yet: SELECT mls_mart_create(); makes one of what is in gold.')];
	const known = marts.find(m => m.name === mart);
	const chooser = h('p', { class: 'chooser' }, marts.map(m => [m.name === mart ? h('strong', {}, text(m.name)) : link(`#/market/${encodeURIComponent(m.name)}`, text(m.name)), ' ']));
	if (!known) return [title, chooser, h('p', { class: 'empty' }, 'There is no such mart, or it is none of those that you see.')];
	const bad = [choice, figures, sources].find(a => a && a.problem);
	if (bad) return [title, chooser, unread(bad.problem, `Its tables are shown to who may read them: GRANT USAGE ON SCHEMA ${mart} and SELECT on its tables.`)];
	const definition = Object.fromEntries(definitions.map(d => [d.name, d.definition]));
	const pick = (name, label, values) => h('label', {}, label, h('select', { name }, values.map(([value, words]) => h('option', { value, selected: String(value) === wanted[name] }, words))));
	const go = form => { location.hash = `#/market/${encodeURIComponent(mart)}?${new URLSearchParams(['level', 'transaction', 'currency', 'source', 'months'].map(f => [f, form.elements[f].value]))}`; };
	const groups = unique(figures.map(f => `${f.location_id} ${f.type_id}`)).map(g => figures.filter(f => `${f.location_id} ${f.type_id}` === g));
	const currencies = unique(choice.filter(c => c.transaction === wanted.transaction).map(c => c.currency));
	return [
		title, chooser,
		h('form', { class: 'filter', onchange: e => go(e.currentTarget), onsubmit: e => { e.preventDefault(); go(e.currentTarget); } },
			pick('level', 'Places', LEVELS.filter(l => choice.some(c => c.level === l)).map(l => [l, l === 'all' ? 'everywhere' : l])),
			pick('transaction', 'For', unique(choice.map(c => c.transaction)).map(t => [t, t])),
			pick('currency', 'Currency', unique([wanted.currency, ...currencies]).map(c => [c, c])),
			pick('source', 'Source', sources.map(s => [s.source_id, s.name === null ? 'all together' : s.name])),
			pick('months', 'Months', MONTHS.map(m => [m, m]))),
		h('p', { class: 'small' }, 'Figures of ', text(known.as_of), ', filled ', time(known.refreshed_at), '. Hollow points: the month is not over, or has few sales. What a source does not give is not shown as 0.'),
		figures.length > 0 && h('p', { class: 'buttons' }, h('button', { type: 'button', 'data-action': 'csv', onclick: () => download(figures, `${mart}-${wanted.level}-${wanted.transaction}-${wanted.currency}.csv`) }, 'Download as CSV')),
		figures.length === 0 ? h('p', { class: 'empty' }, 'Nothing of this is in the mart.')
			: groups.map(rows => section(`${rows[0].place}, ${rows[0].kind}`, h('div', { class: 'measures', 'data-group': `${rows[0].location_id} ${rows[0].type_id}` },
				MEASURES.map(m => figure(rows, m, definition[m.column] || '', wanted.currency, `${rows[0].place}, ${rows[0].kind}`))))),
	];
}
