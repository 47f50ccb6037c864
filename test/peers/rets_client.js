// rets-client: login, metadata, search, objects and logout, over Digest.
const assert = require('assert');
const rets = require('rets-client');
const [, , base, method] = process.argv;
const settings = {loginUrl: base + '/rets/login', username: 'agent', password: 'basic-pass-value',
	version: 'RETS/1.7.2', userAgent: 'PeerCheck/1.0', method};

async function use(client)
{
	const resources = await client.metadata.getResources();
	assert.ok(resources.results[0].metadata.some(each => each.ResourceID === 'Property' && each.KeyField === 'L_ListingKey'));
	const classes = await client.metadata.getClass('Property');
	assert.deepStrictEqual(classes.results[0].metadata.map(each => each.ClassName), ['ALL', 'RES', 'LND', 'COM']);
	const table = await client.metadata.getTable('Property', 'RES');
	const names = table.results[0].metadata.map(each => each.SystemName);
	const keys = new Set();
	for (let offset = 1; offset <= 60; offset += 25)
	{
		const page = await client.search.query('Property', 'ALL', '(L_ListingKey=0+)', {limit: 25, offset});
		assert.strictEqual(page.count, 60);
		assert.strictEqual(Boolean(page.maxRowsExceeded), offset < 51);
		assert.deepStrictEqual(Object.keys(page.results[0]).sort(), [...names].sort());
		page.results.forEach(each => keys.add(each.L_ListingKey));
	}
	assert.strictEqual(keys.size, 60);
	await assert.rejects(client.search.query('Property', 'ALL', '(L_ListPrice=1-2)', {limit: 5}), {replyCode: '20201'});
	const all = await client.objects.getAllObjects('Property', 'Photo', 'LK00000001', {alwaysGroupObjects: true});
	const photos = all.objects.filter(each => each.data);
	assert.deepStrictEqual(photos.map(each => each.headerInfo.objectId), ['1', '2', '3']);
	photos.forEach(each => assert.ok(each.data[0] === 0xff && each.data[1] === 0xd8));
}

rets.getAutoLogoutClient(settings, use).catch(problem => {
	console.error(problem);
	process.exit(1);
});
