// Data sources of grids by other authors against mls_serve, in a page without a browser:
// Syncfusion's ODataV4Adaptor and DevExtreme's ODataStore.
const assert = require('assert');
const {JSDOM} = require('jsdom');
const [, , root, clientId, secret] = process.argv;

// Both look for a browser when they are loaded.
const page = new JSDOM('<!doctype html><body></body>', {url: root + '/', pretendToBeVisual: true});
for (const name of ['window', 'document', 'XMLHttpRequest', 'HTMLElement', 'Element', 'Node', 'getComputedStyle', 'DOMParser'])
	Object.defineProperty(globalThis, name, {value: name === 'window' ? page.window : page.window[name], configurable: true, writable: true});
page.window.fetch = fetch;
page.window.Request = Request;
page.window.Headers = Headers;

const {DataManager, ODataV4Adaptor, Predicate, Query} = require('@syncfusion/ej2-data');
const ODataStore = require('devextreme/cjs/common/data/odata/store').default || require('devextreme/cjs/common/data/odata/store').ODataStore;

const keys = rows => rows.map(row => row.ListingKey);
const lower = text => text === null ? null : text.toLowerCase();

async function useSyncfusion(token, rows)
{
	const manager = new DataManager({url: root + '/Property', adaptor: new ODataV4Adaptor(), crossDomain: true, headers: [{Authorization: 'Bearer ' + token}]});
	const city = rows.find(row => row.City !== null).City;
	const price = rows.find(row => row.ListPrice !== null).ListPrice;
	const cases = [
		[new Predicate('City', 'equal', city, false), row => row.City === city],
		[new Predicate('City', 'equal', city.toUpperCase(), true), row => lower(row.City) === city.toLowerCase()],
		[new Predicate('City', 'startswith', city.slice(0, 3), true), row => row.City !== null && lower(row.City).startsWith(city.slice(0, 3).toLowerCase())],
		[new Predicate('City', 'contains', city.slice(1, 3), true), row => row.City !== null && lower(row.City).includes(city.slice(1, 3).toLowerCase())],
		[new Predicate('City', 'notequal', city, false), row => row.City !== city],
		[new Predicate('City', 'equal', null), row => row.City === null],
		[new Predicate('ListPrice', 'greaterthan', price), row => row.ListPrice > price],
		[new Predicate('ListPrice', 'lessthanorequal', price).or('City', 'equal', city, false), row => row.ListPrice !== null && row.ListPrice <= price || row.City === city],
		[new Predicate('ModificationTimestamp', 'greaterthanorequal', new Date('2019-06-01T00:00:00Z')), row => row.ModificationTimestamp !== null && new Date(row.ModificationTimestamp) >= new Date('2019-06-01T00:00:00Z')]];
	for (const [predicate, holds] of cases)
	{
		const found = await manager.executeQuery(new Query().where(predicate).sortBy('ListingKey').skip(2).take(5).requiresCount());
		const wanted = keys(rows.filter(holds)).sort();
		assert.strictEqual(found.count, wanted.length, JSON.stringify(predicate));
		assert.deepStrictEqual(keys(found.result), wanted.slice(2, 7), JSON.stringify(predicate));
	}
	const expanded = await manager.executeQuery(new Query().expand('Media').select(['ListingKey', 'Media']).page(1, 10));
	assert.strictEqual(expanded.result.length, 10);
	assert.ok(expanded.result.every(row => Array.isArray(row.Media)));
	// What it searches is known and not offered.
	await assert.rejects(manager.executeQuery(new Query().search('river', ['City'])), problem => problem.error.status === 501);
	return cases.length + 2;
}

async function useDevExtreme(token, rows)
{
	const store = new ODataStore({url: root + '/Property', version: 4, key: 'ListingKey', keyType: 'String',
		beforeSend: request => { request.headers = {...request.headers, Authorization: 'Bearer ' + token}; }});
	const city = rows.find(row => row.City !== null).City;
	const price = rows.find(row => row.ListPrice !== null).ListPrice;
	const day = new Date('2019-06-01T00:00:00Z');
	const cases = [
		[['City', '=', city], row => row.City === city],
		[['City', '<>', city], row => row.City !== city],
		[['City', 'contains', city.slice(1, 3)], row => row.City !== null && lower(row.City).includes(city.slice(1, 3).toLowerCase())],
		[['City', 'startswith', city.slice(0, 3)], row => row.City !== null && lower(row.City).startsWith(city.slice(0, 3).toLowerCase())],
		[['City', '=', null], row => row.City === null],
		[[['ListPrice', '>=', price], 'and', ['City', '<>', null]], row => row.ListPrice !== null && row.ListPrice >= price && row.City !== null],
		[['!', ['ListPrice', '>=', price]], row => !(row.ListPrice !== null && row.ListPrice >= price)],
		[['ModificationTimestamp', '<', day], row => row.ModificationTimestamp !== null && new Date(row.ModificationTimestamp) < day],
		[['City', '=', "O'Fallon & Sons + 100%"], row => false]];
	// Its promises are its own, with two values.
	const load = options => new Promise((done, failed) => store.load(options).done((data, extra) => done({data, ...extra})).fail(failed));
	for (const [filter, holds] of cases)
	{
		const found = await load({filter, sort: 'ListingKey', skip: 1, take: 5, requireTotalCount: true, select: ['ListingKey', 'City']});
		const wanted = keys(rows.filter(holds)).sort();
		assert.strictEqual(found.totalCount, wanted.length, JSON.stringify(filter));
		assert.deepStrictEqual(keys(found.data), wanted.slice(1, 6), JSON.stringify(filter));
		assert.strictEqual(await store.totalCount({filter}), wanted.length);
	}
	const one = await store.byKey(rows[0].ListingKey, {expand: ['Media']});
	assert.strictEqual(one.ListingKey, rows[0].ListingKey);
	assert.ok(Array.isArray(one.Media));
	const sorted = await load({sort: [{selector: 'ListPrice', desc: true}, 'ListingKey'], take: 20, expand: ['Media'], select: ['ListPrice']});
	const prices = sorted.data.map(row => Number(row.ListPrice));
	assert.deepStrictEqual(prices, [...prices].sort((a, b) => b - a));
	await assert.rejects(load({filter: ['Nothing', '=', 1]}), problem => problem.httpStatus === 400);
	return cases.length + 3;
}

async function main()
{
	const login = await fetch(root + '/oauth/token', {method: 'POST',
		body: new URLSearchParams({grant_type: 'client_credentials', client_id: clientId, client_secret: secret})});
	const token = (await login.json()).access_token;
	const rows = [];
	for (let link = root + '/Property?$select=ListingKey,City,ListPrice,ModificationTimestamp'; link;)
	{
		const got = await (await fetch(link, {headers: {Authorization: 'Bearer ' + token, Prefer: 'odata.maxpagesize=500'}})).json();
		rows.push(...got.value);
		link = got['@odata.nextLink'];
	}
	for (const use of [useSyncfusion, useDevExtreme])
		console.log(`ok - ${use.name}: ${await use(token, rows)} questions about ${rows.length} records`);
	process.exit(0);
}

main().catch(problem => {
	console.error(problem);
	process.exit(1);
});
