// Quality: what data tests and verifications found, what did not fit, and how well fields are
// filled and as the dictionary has them.

import { h, text, number, time, duration, counted, table, section, level, state, link, sourceLink, quoted, failure, unread } from './dom.js';
import { share, percent } from './charts.js';
import { ask, session, perhaps } from './api.js';
import { button, into, test } from './actions.js';

export async function load({ query }) {
	const source = query.get('source') || '';
	const [quality, issues, findings, known, tests] = await Promise.all([perhaps(ask('quality', { source })), ask('issues', { source }), perhaps(ask('findings', { source })), ask('status'), perhaps(ask('tests'))]);
	return { source, quality, issues, findings, tests, sources: [...new Set(known.map(k => k.source))].sort() };
}

const trend = value => {
	const n = Number(value) * 100;
	if (value === null || Math.abs(n) < 0.05) return h('span', { class: 'nothing' }, value === null ? '' : '=');
	return h('span', { class: n < 0 ? 'differ' : '' }, `${n > 0 ? '▲ +' : '▼ '}${n.toFixed(1)}`);
};

// Rows at fault are read when somebody asks for them.
function rowsOf(t) {
	const place = h('div', {});
	const show = h('button', {
		type: 'button', class: 'more', onclick: async () => {
			const rows = await perhaps(ask('test_rows', { suite: t.suite, test: t.test }));
			place.replaceChildren(rows.problem ? failure(rows.problem) : h('ul', { class: 'small' }, rows.map(r => h('li', {}, h('code', {}, text(r.key, 200))))));
			show.remove();
		},
	}, 'Show rows');
	return [show, place];
}

async function tested(tests) {
	if (tests.problem) return unread(tests.problem, `What data tests found is shown to roles that may make some: a superuser lets this one with SELECT mls_grant(${quoted(session.role)});`);
	const suites = [...new Set(tests.map(t => t.suite))].sort();
	return [
		table('Data tests, those at fault first', [
			{ title: 'Status', cell: t => state(t.status) },
			{ title: 'Test', cell: t => [text(t.suite), ' ', h('strong', {}, text(t.test))] },
			{ title: 'Of', cell: t => [text(t.relation), t.columns.length > 0 && [' ', h('span', { class: 'small' }, text(t.columns.join(', ')))]] },
			{ title: 'Kind', cell: t => [t.kind, ' ', h('span', { class: 'small' }, t.severity === 'warn' ? 'warns' : t.on_failure === 'report' ? '' : t.on_failure)] },
			{ title: 'Faults', class: 'number', cell: t => number(t.failures) },
			{ title: 'Rows', cell: t => [t.message && text(t.message, 200), t.has_rows && rowsOf(t)] },
			{ title: 'When', cell: t => [time(t.at), ' ', h('span', { class: 'small' }, duration(t.seconds))] }], tests, { empty: 'There is no data test: mls_test_add_shipped() adds those that come along.', row: t => ({ 'data-test': t.test }) }),
		h('p', { class: 'buttons' }, await Promise.all(suites.map(s => button(`Test ${s}`, 'test', s, () => test(s)))))];
}

export async function show({ source, quality, issues, findings, tests, sources }, { again }) {
	const missing = [quality, findings].map(q => q.problem && unread(q.problem, `What verifications found and measured is shown to roles that may verify: a superuser lets this one with SELECT mls_grant(${quoted(session.role)});`));
	const groups = [...new Set((quality.problem ? [] : quality).map(q => `${q.source}\u0000${q.resource}`))].map(g => g.split('\u0000'));
	const outcome = h('div', {});
	return [
		h('h1', {}, 'Quality'),
		h('p', { class: 'chooser' }, source ? link('#/quality', 'all') : h('strong', {}, 'all'), ' ', sources.map(s => [s === source ? h('strong', {}, text(s)) : link(`#/quality?source=${encodeURIComponent(s)}`, text(s)), ' '])),
		section('What did not fit', table('Issues that are open, grouped', [
			{ title: 'Why', cell: i => text(i.reason, 300) },
			{ title: 'Field', cell: i => text(i.field) },
			{ title: 'Source', cell: i => [sourceLink(i.source), ' ', text(i.resource)] },
			{ title: 'Kind', cell: i => text(i.kind) },
			{ title: 'Records', class: 'number', cell: i => number(i.records) },
			{ title: 'First example', cell: i => [i.key !== null && link(`#/record/${[i.source, i.resource, i.key].map(encodeURIComponent).join('/')}`, text(i.key, 60)), i.value !== null && [' ', h('code', {}, text(i.value, 80))]] },
			{ title: 'Seen last', cell: i => time(i.last_seen) }], issues, { empty: 'Everything fits: no issue is open.' })),
		section('What verifications found', missing[1] || table('Findings of the last verifications', [
			{ title: 'Severity', cell: f => level(f.severity) },
			{ title: 'Found', cell: f => text(f.message, 400) },
			{ title: 'Source', cell: f => [sourceLink(f.source), ' ', text(f.resource)] },
			{ title: 'Check', cell: f => text(f.check) },
			{ title: 'About', cell: f => text(f.subject, 80) },
			{ title: 'Records', class: 'number', cell: f => number(f.count) },
			{ title: 'When', cell: f => time(f.finished_at) }], findings, { empty: 'No verification was made, or it found nothing. It proves a copy field by field.' }),
		h('p', { class: 'buttons' }, await Promise.all((source ? [source] : sources).map(s => button(`Verify ${s}`, 'verify', s, async () => {
			await into(outcome, 'verify', { source: s, samples: 20 }, rows => h('p', {}, counted(rows.length, 'finding', 'findings'), '.'));
			setTimeout(again, 1200);
		})))), outcome),
		section('Data tests', await tested(tests)),
		section('Fields', missing[0], quality.length === 0 && h('p', { class: 'empty' }, 'How well fields are filled is measured by a verification: begin one above.'),
			groups.map(([s, r], i) => h('details', { open: i === 0 || groups.length < 3 }, h('summary', {}, text(s), ' ', text(r), ' ', h('span', { class: 'small' }, counted(quality.filter(q => q.source === s && q.resource === r).length, 'field', 'fields'))),
				table(`Fields of ${s} ${r}`, [
					{ title: 'Field', cell: q => [text(q.field), !q.in_dictionary && h('span', { class: 'small' }, ' own')] },
					{ title: 'Filled', cell: q => share(q.fill_rate, percent(q.fill_rate), { good: true }) },
					{ title: 'Since before', class: 'number', cell: q => trend(q.trend) },
					{ title: 'Not of the lookup', class: 'number', cell: q => (q.outside > 0 ? h('span', { class: 'differ' }, number(q.outside)) : number(q.outside)) },
					{ title: 'Too long', class: 'number', cell: q => (q.too_long > 0 ? h('span', { class: 'differ' }, number(q.too_long)) : number(q.too_long)) }],
				quality.filter(q => q.source === s && q.resource === r), { row: q => ({ 'data-field': q.field }) })))),
	];
}
