// Login, navigation, and the pages, each a module of its own.

import { h, text, link, failure, say } from './dom.js';
import * as api from './api.js';
import * as overview from './overview.js';
import * as source from './source.js';
import * as runs from './runs.js';
import * as live from './live.js';
import * as schedules from './schedules.js';
import * as record from './record.js';
import * as datasets from './datasets.js';
import * as quality from './quality.js';
import * as mapping from './mapping.js';
import * as consumers from './consumers.js';
import * as market from './market.js';

const pages = { overview, source, datasets, runs, live, schedules, record, quality, mapping, consumers, market };
const names = { overview: 'Overview', source: 'Sources', datasets: 'Datasets', runs: 'Runs', live: 'Live', schedules: 'Schedules', record: 'Record', quality: 'Quality', mapping: 'Mapping', consumers: 'Consumers', market: 'Market' };
const REFRESH = 15000;

const head = document.getElementById('head');
const main = document.getElementById('main');
let turn = 0;
let leave = () => {};

// "#/source/east?x=1" as its page, the parts behind it, and what is asked.
function place() {
	const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
	const parts = path.split('/').map(p => {
		try {
			return decodeURIComponent(p);
		} catch {
			return p;
		}
	});
	return { page: pages[parts[0]] ? parts[0] : 'overview', parts: parts.slice(1), query: new URLSearchParams(query || '') };
}

function showHead(current) {
	head.replaceChildren(...[
		h('span', { class: 'brand' }, 'mls_fdw'),
		api.session && h('nav', { 'aria-label': 'Pages' }, h('ul', {}, Object.entries(names).map(([page, name]) =>
			h('li', {}, link(`#/${page}`, name, { 'aria-current': page === current ? 'page' : undefined }))))),
		api.session ? h('span', { class: 'who' }, h('span', { title: 'Everything here is asked as this role' }, text(api.session.role)), ' ',
			h('button', { type: 'button', id: 'logout', onclick: async () => { await api.logout().catch(() => {}); showLogin(); } }, 'Log out')) : ''].filter(Boolean));
}

function showLogin(words) {
	turn++;
	closeDialogs();
	leave();
	leave = () => {};
	showHead();
	document.title = 'Log in · mls_fdw';
	const outcome = h('div', {});
	const form = h('form', {
		class: 'login', onsubmit: async event => {
			event.preventDefault();
			const send = form.querySelector('button');
			send.disabled = true;
			try {
				await api.login(form.elements.role.value, form.elements.password.value);
				api.forgetRights();
				show();
			} catch (problem) {
				outcome.replaceChildren(failure({ ...problem, message: problem.message, hint: problem.after ? `Try again in ${problem.after} s.` : problem.hint }));
				form.elements.password.value = '';
				form.elements.password.focus();
			}
			send.disabled = false;
		},
	}, h('h1', {}, 'Log in'),
	h('p', {}, 'With a role of the database and its password. You see and do here what this role may.'),
	words && h('p', { class: 'note' }, words),
	h('label', {}, 'Role', h('input', { name: 'role', autocomplete: 'username', required: true, maxlength: 63, autocapitalize: 'none', spellcheck: 'false' })),
	h('label', {}, 'Password', h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true, maxlength: 1000 })),
	outcome, h('p', { class: 'buttons' }, h('button', { type: 'submit', class: 'main' }, 'Log in')));
	main.replaceChildren(form);
	main.removeAttribute('aria-busy');
	form.elements.role.focus();
}

// What a dialog asks is about the page that it was opened on.
const closeDialogs = () => document.querySelectorAll('dialog').forEach(dialog => dialog.close());

// What does not differ for a reader: how long ago something was is told by a clock here.
const same = data => JSON.stringify(data, (name, value) => (name === 'lag' ? undefined : value));

// What is drawn anew would take away files that somebody has chosen, and what is asked or written.
const hasFiles = () => [...main.querySelectorAll('input[type=file]')].some(input => input.files.length > 0);
const inUse = () => hasFiles() || document.querySelector('dialog') || main.contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);

async function show() {
	const own = ++turn;
	const { page, parts, query } = place();
	const module = pages[page];
	leave();
	leave = () => {};
	// What there is to have rights to may have come since.
	api.forgetRights();
	showHead(page);
	document.title = `${names[page]} · mls_fdw`;
	main.setAttribute('aria-busy', 'true');
	const context = { parts, query, again: () => own === turn && !hasFiles() && show(), alive: () => own === turn, onLeave: then => { leave = then; } };
	let shown = null;

	async function draw() {
		const data = await module.load(context);
		const now = same(data);
		if (own !== turn || now === shown) return;
		if (shown !== null && inUse()) return;
		const focused = main.contains(document.activeElement) ? document.activeElement.textContent : null;
		const content = await module.show(data, context);
		if (own !== turn) return;
		main.replaceChildren(...[content].flat(Infinity).filter(Boolean));
		if (shown !== null && focused) [...main.querySelectorAll('a, button')].find(e => e.textContent === focused)?.focus();
		shown = now;
	}

	try {
		await draw();
	} catch (problem) {
		if (own !== turn || problem.status === 401) return;
		main.replaceChildren(h('h1', {}, names[page]), failure(problem));
		if (!(problem instanceof api.Problem)) throw problem;
	}
	if (own !== turn) return;
	main.removeAttribute('aria-busy');
	if (document.activeElement === document.body || head.contains(document.activeElement)) main.focus({ preventScroll: true });
	scrollTo(0, 0);
	if (!module.refreshes) return;
	const timer = setInterval(() => {
		if (document.visibilityState === 'visible') api.quietly(draw).catch(problem => { if (own === turn && problem.status !== 401) say(problem.message); });
	}, REFRESH);
	const before = leave;
	leave = () => { clearInterval(timer); before(); };
}

api.whenEnded(() => showLogin('The session has ended.'));
addEventListener('hashchange', () => { closeDialogs(); if (api.session) show(); });
try {
	if (await api.resume()) await show();
	else showLogin();
} catch (problem) {
	main.replaceChildren(h('h1', {}, 'mls_fdw'), failure(problem));
}
