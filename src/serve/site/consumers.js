// Consumers: who reads the API, how much, and what he may.

import { h, text, number, bytes, time, table, section, sql, unread } from './dom.js';
import { bars } from './charts.js';
import { ask, perhaps } from './api.js';

export const refreshes = true;

export async function load() {
	const [consumers, usage] = await Promise.all(['consumers', 'usage'].map(question => perhaps(ask(question))));
	return { consumers, usage };
}

const limits = l => Object.entries(l || {}).map(([name, value]) => `${number(value)} ${name.replace('per_', 'a ').replace('_', ' ')}`).join(', ') || 'none';

export async function show({ consumers, usage }) {
	const used = Array.isArray(usage) ? usage : [];
	const known = Array.isArray(consumers) ? consumers : used.filter(u => u.consumer !== null).map(u => ({ consumer: u.consumer }));
	const of = name => used.find(u => u.consumer === name) || { requests: 0, hours: Array(24).fill(0) };
	const nobody = used.find(u => u.consumer === null);
	const hours = u => bars('Requests an hour', u.hours.map((n, i) => ({ value: n, label: `${23 - i} hours ago: ${number(n)}` })));
	return [
		h('h1', {}, 'Consumers'),
		consumers.problem && unread(consumers.problem, 'You see who has asked; what each may ask is shown to roles that add consumers.'), usage.problem && unread(usage.problem, 'Who has asked is shown to members of pg_monitor and to roles that add consumers.'),
		section('Who reads the API, in the last 24 hours', table('Consumers', [
			{ title: 'Consumer', cell: c => [text(c.consumer), c.active === false && h('span', { class: 'differ' }, ' not served')] },
			{ title: 'Requests', class: 'number', cell: c => number(of(c.consumer).requests) },
			{ title: 'By hour', cell: c => hours(of(c.consumer)) },
			{ title: 'Refused', class: 'number', cell: c => (of(c.consumer).refused ? h('span', { class: 'differ' }, number(of(c.consumer).refused)) : number(0)) },
			{ title: 'Records', class: 'number', cell: c => number(of(c.consumer).rows || 0) },
			{ title: 'Sent', class: 'number', cell: c => bytes(of(c.consumer).bytes || 0) },
			{ title: 'Last use', cell: c => time(of(c.consumer).last_use) },
			{ title: 'Audience', cell: c => text(c.audience) },
			{ title: 'Limits', cell: c => limits(c.limits) }], known, { row: c => ({ 'data-consumer': c.consumer }), empty: h('span', {}, 'Nobody was let ask yet.') }),
		known.length === 0 && !consumers.problem && [h('p', {}, 'Show an audience what it may read, and add who asks as one:'), sql("SELECT mls_audience('idx', 'Property');\nSELECT client_id, secret FROM mls_consumer_add('First Realty', 'idx');")],
		nobody && h('p', { class: 'small' }, `${number(nobody.requests)} requests were of nobody known.`)),
	];
}
