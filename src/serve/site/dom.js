// Elements, texts, numbers and times.  Whatever comes from the database becomes a text node, and
// is isolated from the direction of what stands around it; nothing here makes HTML of a string.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {})) {
		if (value === undefined || value === null || value === false) continue;
		if (name.startsWith('on') && typeof value === 'function') element.addEventListener(name.slice(2), value);
		else if (name === 'value') element.value = value;
		else element.setAttribute(name, value === true ? '' : String(value));
	}
	element.append(...children.flat(Infinity).filter(c => c !== undefined && c !== null && c !== false));
	return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const LONG = 240;

// A value of the database.  Of a long one the beginning is shown, and the rest when asked for.
export function text(value, long = LONG) {
	if (value === null || value === undefined) return h('span', { class: 'nothing', title: 'NULL' }, '–');
	const words = typeof value === 'object' ? JSON.stringify(value) : String(value);
	if (words.length <= long) return h('bdi', {}, words);
	const shown = h('bdi', {}, words.slice(0, long) + '…');
	const more = h('button', {
		type: 'button', class: 'more', onclick: () => {
			const all = more.getAttribute('aria-expanded') !== 'true';
			shown.textContent = all ? words : words.slice(0, long) + '…';
			more.setAttribute('aria-expanded', String(all));
			more.textContent = all ? 'less' : `all ${number(words.length)} characters`;
		}, 'aria-expanded': 'false',
	}, `all ${number(words.length)} characters`);
	return h('span', { class: 'long' }, shown, ' ', more);
}

const numbers = new Intl.NumberFormat();
export const number = n => (n === null || n === undefined ? '–' : numbers.format(n));
export const counted = (n, one, many) => `${number(n)} ${Number(n) === 1 ? one : many}`;

export function bytes(n) {
	if (n === null || n === undefined) return '–';
	for (const unit of ['B', 'kB', 'MB', 'GB']) {
		if (n < 1000 || unit === 'GB') return `${n < 10 && unit !== 'B' ? n.toFixed(1) : Math.round(n)} ${unit}`;
		n /= 1000;
	}
	return '';
}

export function duration(seconds) {
	if (seconds === null || seconds === undefined) return '–';
	const s = Math.abs(Number(seconds));
	if (s < 1) return `${Math.round(s * 1000)} ms`;
	if (s < 90) return `${s < 10 && !Number.isInteger(s) ? s.toFixed(1) : Math.round(s)} s`;
	if (s < 5400) return `${Math.round(s / 60)} min`;
	if (s < 172800) return `${Math.round(s / 3600)} h`;
	return `${number(Math.round(s / 86400))} days`;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

function relative(at) {
	const seconds = (at - Date.now()) / 1000;
	const away = Math.abs(seconds) < 5 ? 'now' : duration(Math.round(seconds));
	if (away === 'now') return away;
	return seconds > 0 ? `in ${away}` : `${away} ago`;
}

// An instant: how long ago, or when, in the zone of the reader, and exactly on pointing at it.
export function time(value, how = 'relative') {
	const at = value === null || value === undefined ? NaN : new Date(value);
	if (isNaN(at)) return text(null);
	const words = how === 'relative' ? relative(at) : how === 'clock' ? clock.format(at) : how === 'date' ? date.format(at) : dayAndClock.format(at);
	return h('time', { datetime: at.toISOString(), title: `${exact.format(at)} (${at.toISOString()})`, 'data-relative': how === 'relative' }, words);
}

setInterval(() => {
	for (const element of document.querySelectorAll('time[data-relative]')) {
		const words = relative(new Date(element.dateTime));
		if (element.textContent !== words) element.textContent = words;
	}
}, 5000);

// A table: columns have a title, a cell(row), and perhaps a class; on a narrow screen each row
// is a card, whose parts carry the titles.
export function table(caption, columns, rows, { empty = 'Nothing.', row = () => ({}) } = {}) {
	if (rows.length === 0) return h('p', { class: 'empty' }, empty);
	return h('div', { class: 'scroll', role: 'group', tabindex: 0, 'aria-label': caption },
		h('table', {},
			h('caption', { class: 'hidden' }, caption),
			h('thead', {}, h('tr', {}, columns.map(c => h('th', { scope: 'col', class: c.class }, c.title)))),
			h('tbody', {}, rows.map(r => h('tr', row(r), columns.map((c, i) =>
				h(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : undefined, class: c.class, 'data-title': c.title }, c.cell(r))))))));
}

export function definitions(pairs) {
	return h('dl', {}, pairs.filter(p => p).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

export function section(title, ...children) {
	const id = `s-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
	return h('section', { 'aria-labelledby': id }, h('h2', { id }, title), children);
}

let timer;
export function say(words) {
	const place = document.getElementById('said');
	place.textContent = words;
	place.classList.add('shown');
	clearTimeout(timer);
	timer = setTimeout(() => place.classList.remove('shown'), 6000);
}

// SQL to copy.
export function sql(words) {
	const copy = h('button', {
		type: 'button', class: 'copy', onclick: async () => {
			try {
				await navigator.clipboard.writeText(words);
				say('Copied.');
			} catch {
				const range = document.createRange();
				range.selectNodeContents(code);
				getSelection().removeAllRanges();
				getSelection().addRange(range);
				say('Selected: copy it with the keyboard.');
			}
		},
	}, 'Copy');
	const code = h('code', {}, words);
	return h('div', { class: 'sql' }, h('pre', { tabindex: 0 }, code), copy);
}

export const quoted = value => (value === null || value === undefined ? 'NULL' : `'${String(value).replaceAll("'", "''")}'`);

const STATES = {
	not_synced: ['○', 'not synced', 'no run yet'],
	pending: ['◔', 'pending', 'no run yet, but scheduled'],
	syncing: ['⟳', 'syncing', 'a run is at work'],
	synced: ['✓', 'synced', 'the last sync ended well'],
	failed: ['✕', 'failed', 'the last run failed'],
	gone: ['–', 'gone', 'it is not there any more', 'pending'],
	// Of destinations, feeds and marts; the last is what they look like.
	new: ['○', 'new', 'no run yet', 'not_synced'],
	loading: ['⟳', 'loading', 'the first load, or another, is not over', 'syncing'],
	behind: ['◔', 'behind', 'changes wait', 'pending'],
	'up to date': ['✓', 'up to date', 'it has all', 'synced'],
	written: ['✓', 'written', 'it is up to date', 'synced'],
	failing: ['✕', 'failing', 'it is tried again', 'failed'],
	rebuild: ['✕', 'rebuild', 'it has to be loaded anew', 'failed'],
	refused: ['✕', 'refused', 'too many listings are missing: the old one stays', 'failed'],
	paused: ['–', 'paused', 'nothing is sent for now', 'pending'],
	filled: ['✓', 'filled', 'its figures are those of the last run', 'synced'],
	held: ['–', 'held', 'runs leave it as it is', 'pending'],
	// Of data tests.
	passed: ['✓', 'passed', 'it has found nothing', 'synced'],
	warned: ['!', 'warned', 'it has found something, and does not fail by it', 'pending'],
	broken: ['✕', 'broken', 'it could not be run', 'failed'],
};
export function state(word) {
	const [sign, name, help, look] = STATES[word] || ['?', word, ''];
	return h('span', { class: `state ${look || word}`, title: help }, h('span', { 'aria-hidden': 'true' }, sign), ' ', name);
}

const STATUS = { finished: '✓', failed: '✕', crashed: '✕', cancelled: '–', running: '⟳', skipped: '–' };
export const status = word => h('span', { class: `state ${word}` }, h('span', { 'aria-hidden': 'true' }, STATUS[word] || '?'), ' ', word);

const LEVELS = { ok: '✓', info: 'i', warning: '!', critical: '✕', error: '✕' };
export const level = word => h('span', { class: `level ${word}` }, h('span', { 'aria-hidden': 'true' }, LEVELS[word] || '?'), ' ', word);

export const link = (to, words, attributes) => h('a', { href: to, ...attributes }, words);
export const sourceLink = (source, words) => link(`#/source/${encodeURIComponent(source)}`, text(words || source));

export function failure(error) {
	return h('div', { class: 'failure', role: 'alert' },
		h('p', {}, h('strong', {}, text(error.message || 'It did not work.', 600))),
		error.detail && h('p', {}, text(error.detail, 600)),
		error.hint && h('p', {}, h('em', {}, 'What to do: '), text(error.hint, 600)),
		error.sqlstate && h('p', { class: 'small' }, 'SQLSTATE ', error.sqlstate));
}

// In the place of what could not be read: what a role lacks is said in words of the page.
export const unread = (problem, words) => (problem.sqlstate === '42501' ? h('p', { class: 'note' }, words) : failure(problem));
