// The React component of docs/serve/clients.md, compiled, in a page without a browser: its first
// records, those behind "More", and what it says when it is refused.
const assert = require('assert');
const {JSDOM} = require('jsdom');
const [, , root, clientId, secret] = process.argv;

const page = new JSDOM('<!doctype html><div id="here"></div>', {url: 'https://www.example.com/'});
globalThis.window = page.window;
globalThis.document = page.window.document;
Object.defineProperty(globalThis, 'navigator', {value: page.window.navigator, configurable: true});
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
const React = require('react');
const {createRoot} = require('react-dom/client');
const {renderToString} = require('react-dom/server');
const {Listings} = require('./out/listings.js');

async function until(what, holds)
{
	for (let i = 0; i < 600; i++)
	{
		await React.act(() => new Promise(go => setTimeout(go, 50)));
		if (holds())
			return;
	}
	throw new Error('in time: ' + what);
}

async function main()
{
	const login = await fetch(root + '/oauth/token', {method: 'POST',
		body: new URLSearchParams({grant_type: 'client_credentials', scope: 'Property Media', client_id: clientId, client_secret: secret})});
	const {access_token: token} = await login.json();
	assert.strictEqual(renderToString(React.createElement(Listings, {root, token})), '<ul></ul>');
	const here = document.getElementById('here');
	const shown = createRoot(here);
	await React.act(() => shown.render(React.createElement(Listings, {root, token})));
	await until('a first page', () => here.querySelectorAll('li').length > 0);
	assert.strictEqual(here.querySelectorAll('li').length, 24);
	assert.match(here.querySelector('li').textContent, /: (\$[\d,.]+|price on request)$/);
	const same = await fetch(root + "/Property?$filter=StandardStatus eq 'Active'&$orderby=ModificationTimestamp desc&$top=24&$select=ListingKey&$expand=Media($select=MediaURL;$orderby=Order;$top=1)",
		{headers: {Authorization: 'Bearer ' + token}});
	const pictures = (await same.json()).value.map(row => row.Media[0]?.MediaURL).filter(Boolean);
	assert.deepStrictEqual([...here.querySelectorAll('img')].map(one => one.src), pictures);
	await React.act(() => here.querySelector('button').click());
	await until('a second page', () => here.querySelectorAll('li').length > 24);
	const refused = createRoot(document.body.appendChild(document.createElement('div')));
	await React.act(() => refused.render(React.createElement(Listings, {root, token: 'none'})));
	await until('a refusal', () => document.querySelector('[role=alert]'));
	assert.strictEqual(document.querySelector('[role=alert]').textContent, 'the token is not valid');
	console.log('ok - the React component of the guide');
	process.exit(0);
}

main().catch(problem => {
	console.error(problem);
	process.exit(1);
});
