// Clients of OData by other authors against mls_serve: odata-query, odata (o.js), @odata/client.
const assert = require('assert');
const buildQuery = require('odata-query').default;
const {OData} = require('@odata/client');
const [, , root, clientId, secret] = process.argv;

async function login()
{
	const answer = await fetch(root + '/oauth/token', {method: 'POST',
		body: new URLSearchParams({grant_type: 'client_credentials', client_id: clientId, client_secret: secret})});
	assert.strictEqual(answer.status, 200);
	return (await answer.json()).access_token;
}

// Queries built by odata-query, fetched as they are; the rows are looked at again here.
async function useOdataQuery(headers, rows)
{
	async function ask(resource, options)
	{
		const answer = await fetch(root + '/' + resource + buildQuery(options), {headers});
		const body = await answer.json();
		assert.strictEqual(answer.status, 200, JSON.stringify(options) + ' ' + JSON.stringify(body));
		return body;
	}
	const first = rows.find(row => row.City !== null);
	const day = new Date('2019-06-01T00:00:00Z');
	const cases = [
		[{City: first.City}, row => row.City === first.City],
		[{City: "O'Fallon & \"Sons\" + 100%; a/b?"}, row => false],
		[{ListPrice: {gt: 100000, le: 900000}}, row => row.ListPrice > 100000 && row.ListPrice <= 900000],
		[{or: [{City: first.City}, {ListPrice: {lt: 50000}}]}, row => row.City === first.City || row.ListPrice !== null && row.ListPrice < 50000],
		[{not: {City: first.City}}, row => row.City !== first.City],
		[{ModificationTimestamp: {ge: day}}, row => row.ModificationTimestamp !== null && new Date(row.ModificationTimestamp) >= day],
		[{City: {contains: first.City.slice(1, 3)}}, row => row.City !== null && row.City.includes(first.City.slice(1, 3))],
		[{'tolower(City)': first.City.toLowerCase()}, row => row.City !== null && row.City.toLowerCase() === first.City.toLowerCase()],
		[{City: {in: [first.City, 'Nowhere']}}, row => row.City === first.City],
		[{City: null}, row => row.City === null],
		[{City: {ne: null}}, row => row.City !== null]];
	for (const [filter, holds] of cases)
	{
		const found = await ask('Property', {filter, select: ['ListingKey'], count: true, top: 1000});
		const wanted = rows.filter(holds).map(row => row.ListingKey).sort();
		assert.deepStrictEqual(found.value.map(row => row.ListingKey).sort(), wanted, JSON.stringify(filter));
		assert.strictEqual(found['@odata.count'], wanted.length);
	}
	const expanded = await ask('Property', {select: ['ListingKey'], top: 20, orderBy: ['City desc', 'ListingKey'],
		expand: {Media: {select: ['MediaKey', 'ResourceRecordKey', 'Order'], orderBy: 'Order', top: 2, filter: {Order: {ge: 0}}}}});
	assert.ok(expanded.value.some(row => row.Media.length));
	expanded.value.forEach(row => row.Media.forEach(file => assert.strictEqual(file.ResourceRecordKey, row.ListingKey)));
	const one = await ask('Property', {key: {type: 'raw', value: `'${first.ListingKey}'`}, select: ['ListingKey']});
	assert.strictEqual(one.ListingKey, first.ListingKey);
	return cases.length + 2;
}

async function useO(headers, rows)
{
	const {o} = await import('odata').then(it => it.o ? it : it.default);
	const price = {$filter: 'ListPrice ge 100000', $orderby: 'ListPrice desc', $top: 5, $select: 'ListingKey,ListPrice'};
	const found = await o(root + '/', {headers}).get('Property').query(price);
	const wanted = rows.map(row => row.ListPrice).filter(one => one >= 100000).sort((a, b) => b - a).slice(0, 5);
	assert.deepStrictEqual(found.map(row => row.ListPrice), wanted);
	const one = await o(root + '/', {headers}).get(`Property('${rows[0].ListingKey}')`).query();
	assert.strictEqual(one.ListingKey, rows[0].ListingKey);
	const quoted = await o(root + '/', {headers}).get('Property').query({$filter: "City eq 'O''Fallon & Sons'", $count: true, $top: 1});
	assert.deepStrictEqual(quoted, []);
	await assert.rejects(o(root + '/', {headers}).get('Property').query({$filter: 'Nothing eq 1'}), answer => answer.status === 400);
	return 4;
}

async function useOdataClient(headers, rows)
{
	const client = OData.New4({metadataUri: root + '/$metadata', serviceEndpoint: root + '/',
		fetchProxy: async (url, init = {}) => {
			const answer = await fetch(url, {...init, headers: {...init.headers, ...headers}});
			const text = await answer.text();
			return {content: text.startsWith('{') ? JSON.parse(text) : text, response: answer};
		}});
	const properties = client.getEntitySet('Property');
	const first = rows.find(row => row.City !== null && /^\w+$/.test(row.City));
	assert.strictEqual(await properties.count(), rows.length);
	const same = await properties.find({City: first.City});
	assert.deepStrictEqual(same.map(row => row.ListingKey).sort(), rows.filter(row => row.City === first.City).map(row => row.ListingKey).sort());
	assert.strictEqual((await properties.retrieve(first.ListingKey)).ListingKey, first.ListingKey);
	// It doubles no quotes: what is not well formed is refused, never guessed.
	await assert.rejects(properties.find({City: "O'Fallon"}));
	return 4;
}

async function main()
{
	const headers = {Authorization: 'Bearer ' + await login()};
	const rows = [];
	for (let link = root + '/Property?$select=ListingKey,City,ListPrice,ModificationTimestamp'; link;)
	{
		const page = await (await fetch(link, {headers: {...headers, Prefer: 'odata.maxpagesize=100'}})).json();
		rows.push(...page.value);
		link = page['@odata.nextLink'];
	}
	for (const use of [useOdataQuery, useO, useOdataClient])
		console.log(`ok - ${use.name}: ${await use(headers, rows)} questions about ${rows.length} records`);
}

main().catch(problem => {
	console.error(problem);
	process.exit(1);
});
