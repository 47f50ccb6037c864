// Schedules: all processes of all sources on one band of 24 hours, and a table to change them.

import { h, text, time, duration, table, section, status, sourceLink } from './dom.js';
import { band } from './charts.js';
import { ask } from './api.js';
import { button, denied, schedule, unschedule } from './actions.js';
import { steps } from './overview.js';

export const refreshes = true;

const PROCESSES = ['sync', 'purge', 'reconcile'];
// Of few sources are these done: only where one is scheduled it has a row.
const SELDOM = ['geocode', 'media'];
// What destinations, feeds, marts and test suites are for.
const OUTLETS = ['publish', 'feed', 'mart', 'test'];

export async function load() {
	const [schedules, due, known, setup, outlets] = await Promise.all([ask('schedules'), ask('band'), ask('status'), ask('setup'), ask('outlets')]);
	return { schedules, outlets, due: due.map(d => ({ ...d, lag: d.seconds, seconds: undefined })), sources: [...new Set([...known.map(k => k.source), ...schedules.filter(s => !OUTLETS.includes(s.process)).map(s => s.source)])].sort(), setup: setup[0] };
}

export async function show({ schedules, outlets, due, sources, setup }, { again }) {
	if (sources.length === 0 && outlets.length === 0) return [h('h1', {}, 'Schedules'), steps(setup)];
	const scheduled = (source, process) => schedules.find(s => s.source === source && s.process === process);
	const processesOf = source => [...PROCESSES, ...SELDOM.filter(process => scheduled(source, process))];
	const lost = schedules.filter(s => OUTLETS.includes(s.process) && !outlets.some(o => o.source === s.source && o.process === s.process));
	const all = [...sources.flatMap(source => processesOf(source).map(process => ({ source, process }))), ...outlets, ...lost]
		.map(({ source, process }) => scheduled(source, process) || { source, process, schedule: null });
	const lanes = all.filter(s => s.schedule).map(s => {
		const d = due.find(x => x.source === s.source && x.process === s.process);
		return { name: `${s.source} ${s.process}`, process: s.process, seconds: d ? d.lag : [], allDay: d && d.all_day, typical: s.typical };
	});
	const cells = new Map(await Promise.all(all.map(async s => [s, h('span', { class: 'buttons' }, s.schedule
		? [await button('Edit…', 'schedule', s.source, () => schedule(s.source, s.process, s.schedule, again)),
			await button('Disable…', 'schedule', s.source, () => unschedule(s.source, s.process, s.schedule, again))]
		: await button('Enable…', 'schedule', s.source, () => schedule(s.source, s.process, null, again)))])));
	return [
		h('h1', {}, 'Schedules'),
		await denied(['schedule']),
		section('The next 24 hours', lanes.length
			? [h('div', { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': 'The next 24 hours' }, band(lanes)), h('p', { class: 'small' }, `Hours are those of your zone; pg_cron reads its expressions in ${setup.cron_timezone || 'its own'}. A bar is as long as such a run took of late.`)]
			: h('p', { class: 'empty' }, 'Nothing is scheduled: the copy stays as it is until somebody syncs. Enable a sync below.')),
		section('Processes', table('Processes of all sources, destinations, feeds, marts and test suites', [
			{ title: 'Source', cell: s => (OUTLETS.includes(s.process) ? text(s.source) : sourceLink(s.source)) },
			{ title: 'Process', cell: s => s.process },
			{ title: 'When', cell: s => (s.schedule ? h('code', {}, text(s.schedule)) : h('span', { class: 'nothing' }, 'off')) },
			{ title: 'Next run', cell: s => (s.schedule ? [time(s.next_run), ' ', h('span', { class: 'small' }, time(s.next_run, 'exact'))] : text(null)) },
			{ title: 'Last run', cell: s => (s.last_run ? [time(s.last_run), ' ', status(s.last_status)] : text(null)) },
			{ title: 'Takes', class: 'number', cell: s => duration(s.typical) },
			{ title: 'As role', cell: s => text(s.role || null) },
			{ title: 'Do', cell: s => cells.get(s) }], all, { row: s => ({ 'data-process': `${s.source} ${s.process}`, class: s.schedule ? '' : 'off' }) })),
	];
}
