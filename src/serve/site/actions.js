// What a role may do, by buttons: each says before what it will do, with the SQL it stands for,
// and its run is seen in Live.

import { h, text, table, sql, quoted, say, failure, number, counted, duration, status } from './dom.js';
import { act, run, may, finished } from './api.js';

let reasons = 0;

// A button; without the right it says why not.
export async function button(words, action, source, then, { kind = '' } = {}) {
	const right = (await may())(action, source);
	if (right.allowed) return h('button', { type: 'button', class: kind, 'data-action': action, onclick: then }, words);
	const id = `reason-${++reasons}`;
	return h('span', { class: 'denied' },
		h('button', { type: 'button', class: kind, 'data-action': action, 'aria-disabled': 'true', 'aria-describedby': id, title: right.reason, onclick: () => say(right.reason) }, words),
		h('span', { id, class: 'hidden' }, right.reason));
}

// Why the role may do nothing of these with a source; null if it may do one.
export async function denied(actions, source) {
	const allowed = await may();
	const rights = actions.map(a => allowed(a, source));
	if (rights.some(r => r.allowed)) return null;
	return h('p', { class: 'note' }, 'You may look here and not change anything. ', text(rights[0].reason, 600));
}

// A dialog that asks; body may be elements, steps is called when it is agreed to and may fail.
export function confirm(title, body, agree, then, { kind = '' } = {}) {
	const place = h('div', {});
	const yes = h('button', { type: 'submit', class: `main ${kind}` }, agree);
	const no = h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel');
	const form = h('form', {
		onsubmit: async event => {
			event.preventDefault();
			yes.disabled = true;
			try {
				const stay = await then(form, place);
				if (stay !== 'stay') dialog.close();
			} catch (problem) {
				place.replaceChildren(failure(problem));
			}
			yes.disabled = false;
		},
	}, h('h2', { id: 'dialog-title' }, title), body, place, h('p', { class: 'buttons' }, yes, no));
	const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() }, form);
	document.body.append(dialog);
	dialog.showModal();
	return { dialog, form, place, yes };
}

const goLive = () => { location.hash = '#/live'; };

export function sync(source, resource) {
	const whole = resource ? text(resource) : 'all its resources';
	const call = full => `SELECT * FROM mls_sync(${quoted(source)}${resource ? `, ${quoted(resource)}` : ''}${full ? ', "full" => true' : ''});`;
	const shown = h('div', {}, sql(call(false)));
	confirm('Sync', [
		h('p', {}, 'Asks ', h('strong', {}, text(source)), ' for what has changed since the last sync, of ', whole, ', and writes it here. It spends requests of the source’s quota and removes nothing.'),
		h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'full', onchange: e => shown.replaceChildren(sql(call(e.target.checked))) }), ' Read everything again'),
		shown], 'Sync', async form => {
		await act('sync', { source, resource, full: form.elements.full.checked });
		goLive();
	});
}

export function publish(destination) {
	confirm('Send', [
		h('p', {}, 'Brings all that is published at ', h('strong', {}, text(destination)), ' up to date.'),
		sql(`SELECT * FROM mls_publish_sync(${quoted(destination)});`)],
	'Send', async () => {
		await act('publish', { source: destination });
		goLive();
	});
}

export function feed(name) {
	confirm('Write', [
		h('p', {}, 'Writes the feed ', h('strong', {}, text(name)), ', if what it says has changed.'),
		sql(`SELECT * FROM mls_feed_sync(${quoted(name)});`)],
	'Write', async () => {
		await act('feed', { source: name });
		goLive();
	});
}

export function test(suite) {
	confirm('Test', [
		h('p', {}, 'Runs the data tests of suite ', h('strong', {}, text(suite)), '.'),
		sql(`SELECT * FROM mls_test(${quoted(suite)});`)],
	'Test', async () => {
		await act('test', { source: suite });
		goLive();
	});
}

export function mart(name) {
	confirm('Fill', [
		h('p', {}, 'Computes the figures of the mart ', h('strong', {}, text(name)), ' that have changed.'),
		sql(`SELECT * FROM mls_mart_sync(${quoted(name)});`)],
	'Fill', async () => {
		await act('mart', { source: name });
		goLive();
	});
}

export function reconcile(source, resource) {
	confirm('Reconcile', [
		h('p', {}, 'Lists all keys and timestamps at ', h('strong', {}, text(source)), resource ? [' of ', text(resource)] : '', ' and fetches the records that are missing here or differ. It removes nothing.'),
		sql(`SELECT * FROM mls_reconcile(${quoted(source)}${resource ? `, ${quoted(resource)}` : ''});`)],
	'Reconcile', async () => {
		await act('reconcile', { source, resource });
		goLive();
	});
}

const purgeNumbers = rows => table('What a purge would remove', [
	{ title: 'Resource', cell: r => text(r.resource) },
	{ title: 'Status', cell: r => status(r.status) },
	{ title: 'Keys at the source', class: 'number', cell: r => number(r.listed) },
	{ title: 'Missing there', class: 'number', cell: r => number(r.missing) },
	{ title: 'Says', cell: r => text(r.message, 400) },
], rows);

// First the numbers, then the question.
export function purge(source, resource) {
	let tried = false;
	const where = `${quoted(source)}${resource ? `, ${quoted(resource)}` : ''}`;
	const shown = h('div', {}, sql(`SELECT * FROM mls_purge(${where}, dry_run => true);`));
	const dialog = confirm('Purge', [
		h('p', {}, 'Removes here what is gone at ', h('strong', {}, text(source)), resource ? [' of ', text(resource)] : '', '. First it is tried without removing anything: all keys are listed there, which spends requests of the quota.'),
		shown], 'Try without removing', async (form, place) => {
		if (tried) {
			await act('purge', { source, resource });
			goLive();
			return '';
		}
		place.replaceChildren(h('p', { role: 'status' }, 'Listing the keys of the source…'));
		const answer = await run('purge', { source, resource, dry_run: true });
		const missing = answer.rows.reduce((sum, r) => sum + (r.missing || 0), 0);
		place.replaceChildren(purgeNumbers(answer.rows), h('p', { class: 'outcome' }, missing === 0
			? 'Nothing is missing at the source: nothing would be removed.'
			: `${counted(missing, 'record is', 'records are')} missing there and would be looked for by key; what is really gone is removed. A purge can be undone in Runs.`));
		shown.replaceChildren(sql(`SELECT * FROM mls_purge(${where});`));
		tried = true;
		dialog.yes.textContent = missing === 0 ? 'Purge all the same' : `Remove what is gone`;
		dialog.yes.classList.add('danger');
		return 'stay';
	});
}

export function undo(history) {
	confirm('Undo a purge', [
		h('p', {}, 'Brings back what run ', number(history.run), ' removed: ', counted(history.deleted, 'record', 'records'), ' of ', text(history.source), ' ', text(history.resource), ', from bronze, without asking the source.'),
		sql(`SELECT mls_undo(${history.run});`)],
	'Undo', async () => {
		await act('undo', { run: history.run });
		goLive();
	});
}

export function accept(source, changes) {
	confirm('Accept the schema', [
		h('p', {}, 'Takes the schema of ', h('strong', {}, text(source)), ' as it is now for known, and adds columns for fields that were added there. One request for the metadata.'),
		changes && table('Differences', [{ title: 'Resource', cell: r => text(r.resource) }, { title: 'Change', cell: r => text(r.message || r.change) }], changes, { empty: 'There is no difference now.' }),
		sql(`SELECT * FROM mls_schema_accept(${quoted(source)});`)],
	'Accept', async () => {
		await act('accept', { source });
		goLive();
	});
}

const EXAMPLES = { sync: '*/15 * * * *', purge: '30 3 * * *', reconcile: '0 4 * * 0', geocode: '20 * * * *', media: '5 1-5 * * *', publish: '*/5 * * * *', feed: '0 5 * * *', mart: '*/15 * * * *', test: '50 * * * *' };
const DOES = { sync: 'fetches what has changed', purge: 'removes what is gone at the source', reconcile: 'fetches what is missing or differs', geocode: 'finds points of addresses', media: 'fetches files', publish: 'sends what has changed', feed: 'writes it anew if it has changed', mart: 'computes what has changed, and all of it once a day', test: 'looks for what must not be' };

export function schedule(source, process, known, done) {
	const call = value => `SELECT * FROM mls_schedule(${quoted(source)}, ${process} => ${quoted(value)});`;
	const shown = h('div', {}, sql(call(known || EXAMPLES[process])));
	confirm(known ? 'Change the schedule' : 'Schedule', [
		h('p', {}, 'Has pg_cron run the ', process, ' of ', h('strong', {}, text(source)), `, which ${DOES[process]}.`),
		h('label', {}, 'When (minute, hour, day, month, weekday)', h('input', { name: 'when', required: true, autocomplete: 'off', spellcheck: 'false', maxlength: 200, value: known || EXAMPLES[process], oninput: e => shown.replaceChildren(sql(call(e.target.value))) })),
		h('p', { class: 'small' }, '*/15 * * * * is each quarter of an hour, 30 3 * * * at 03:30, 0 4 * * 0 on Sundays at 04:00.'),
		shown], known ? 'Change' : 'Enable', async form => {
		await act('schedule', { source, [process]: form.elements.when.value });
		say('Scheduled.');
		done();
	});
}

export function unschedule(source, process, known, done) {
	confirm('Disable', [
		h('p', {}, 'pg_cron does not run the ', process, ' of ', h('strong', {}, text(source)), ' any more. It was scheduled as ', h('code', {}, text(known)), '.'),
		sql(`SELECT * FROM mls_schedule(${quoted(source)}, ${process} => '');`)],
	'Disable', async () => {
		await act('schedule', { source, [process]: '' });
		say('Disabled.');
		done();
	}, { kind: 'danger' });
}

// A job whose answer is shown in a place of the page.
export async function into(place, name, values, show) {
	place.replaceChildren(h('p', { role: 'status', class: 'working' }, 'Working…'));
	const began = Date.now();
	try {
		const answer = await finished((await act(name, values)).job);
		place.replaceChildren(show(answer.rows), h('p', { class: 'small' }, `It took ${duration((Date.now() - began) / 1000)}.`));
	} catch (problem) {
		place.replaceChildren(failure(problem));
	}
}
