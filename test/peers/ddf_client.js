// rets-ddf-client: login, search, objects and logout, over Digest.
const assert = require('assert');
const {RetsClient} = require('rets-ddf-client');
const [, , base, method] = process.argv;

async function use()
{
	const client = new RetsClient({url: base + '/rets/login', username: 'agent', password: 'basic-pass-value',
		version: 'RETS/1.7.2', userAgent: 'PeerCheck/1.0', method});
	await client.login();
	const found = await client.search({format: 'COMPACT-DECODED', query: '(L_ListingKey=*)', searchType: 'Property',
		class: 'ALL', limit: 10, offset: 1, count: 1});
	assert.ok(JSON.stringify(found).includes('LK00000009'), JSON.stringify(found).slice(0, 400));
	const photo = await client.getObjects({resource: 'Property', type: 'Photo', contentId: 'LK00000001', objectId: '1',
		withLocation: false, mime: 'image/jpeg'});
	assert.strictEqual(photo.length, 1);
	await client.logout();
	await assert.rejects(client.search({}));
}

use().catch(problem => {
	console.error(problem);
	process.exit(1);
});
