// What the site is asked and told: questions, changes, jobs.

import { say } from './dom.js';

export let session = null;
let rights = null;
let passive = 0;
let onEnd = () => {};

export class Problem extends Error {
	constructor(status, error) {
		super(error.message || `The site answered ${status}.`);
		Object.assign(this, error, { status });
	}
}

// What was asked, or { problem }: a page without one of its parts is a page.
export const perhaps = asked => asked.catch(({ message, detail, hint, sqlstate }) => ({ problem: { message, detail, hint, sqlstate } }));

async function call(path, options) {
	let response;
	try {
		response = await fetch(path, { credentials: 'same-origin', cache: 'no-store', headers: passive ? { 'X-Passive': '1' } : {}, ...options });
	} catch {
		throw new Problem(0, { message: 'The site does not answer.', hint: 'See whether mls_serve runs.' });
	}
	const answer = await response.json().catch(() => ({}));
	if (response.ok) return answer;
	if (response.status === 401 && path !== 'api/login') {
		session = null;
		onEnd();
	}
	throw new Problem(response.status, { ...(answer.error || {}), after: response.headers.get('Retry-After') });
}

const post = (path, body) => call(path, {
	method: 'POST', body: JSON.stringify(body),
	headers: { 'Content-Type': 'application/json', ...(session ? { 'X-CSRF-Token': session.csrf } : {}) },
});

export const whenEnded = then => { onEnd = then; };

export async function resume() {
	const known = await call('api/session');
	session = known.role === null ? null : known;
	return session;
}

export async function login(role, password) {
	session = null;
	rights = null;
	session = await post('api/login', { role, password });
	return session;
}

export async function logout() {
	try {
		await post('api/logout', {});
	} finally {
		session = null;
		rights = null;
	}
}

export async function ask(name, values = {}) {
	const said = Object.entries(values).filter(([, v]) => v !== undefined && v !== null && v !== '');
	const answer = await call(`api/q/${name}${said.length ? '?' + new URLSearchParams(said) : ''}`);
	return answer.rows;
}

// What a page asks again by itself keeps nobody logged in.
export async function quietly(then) {
	passive++;
	try {
		return await then();
	} finally {
		passive--;
	}
}

// A change that is answered at once, or the number of a job.
export const act = (name, values = {}) => post(`api/do/${name}`, values);

export const jobs = async () => (await call('api/jobs')).jobs;
export const cancel = job => post('api/cancel', { job });

// Waits for a job; the answer is as that of a question, or a Problem.
export async function finished(number) {
	for (let wait = 150; ; wait = Math.min(wait * 1.5, 1000)) {
		const job = (await jobs()).find(j => j.job === number);
		if (!job) throw new Problem(0, { message: 'The job is not known any more.' });
		if (job.ended && job.good) return job.answer;
		if (job.ended) throw new Problem(0, job.answer.error || {});
		await new Promise(resolve => setTimeout(resolve, wait));
	}
}

export async function run(name, values) {
	return finished((await act(name, values)).job);
}

// Whether the role may do something with a source: { allowed, reason }.
export async function may() {
	if (!rights) rights = ask('rights').catch(problem => ({ problem }));
	const known = await rights;
	return (action, source) => {
		if (known.problem) return { allowed: false, reason: known.problem.message };
		const own = known.filter(r => r.action === action && (source === undefined || r.source === source));
		if (own.length === 0) return { allowed: false, reason: 'Nothing is replicated of it yet.' };
		return own.find(r => r.allowed) || own[0];
	};
}
export const forgetRights = () => { rights = null; };

// Tells what runs until it is closed.
export function watch(tell) {
	const events = new EventSource('api/live');
	events.addEventListener('now', event => tell(JSON.parse(event.data)));
	events.addEventListener('end', () => {
		events.close();
		say('You are logged out.');
		resume().then(known => { if (!known) onEnd(); });
	});
	return () => events.close();
}
