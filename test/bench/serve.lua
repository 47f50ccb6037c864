-- What wrk sends: MLS_TARGETS are addresses, one a line, in turn; {key} in them is the key of
-- some listing, {n} some number below MLS_LISTINGS.  MLS_TOKENS are taken in turn.
local targets, tokens = {}, {}
for line in os.getenv("MLS_TARGETS"):gmatch("[^\n]+") do targets[#targets + 1] = line end
for line in os.getenv("MLS_TOKENS"):gmatch("[^\n]+") do tokens[#tokens + 1] = "Bearer " .. line end
local listings = tonumber(os.getenv("MLS_LISTINGS"))
local accept = os.getenv("MLS_ACCEPT")
local headers = {}
for i, token in ipairs(tokens) do headers[i] = { Authorization = token, Accept = accept } end
local asked = 0
math.randomseed(tonumber(os.getenv("MLS_SEED") or "1"))

function request()
	asked = asked + 1
	local target = targets[(asked - 1) % #targets + 1]
	local n = math.random(listings)
	target = target:gsub("{key}", string.format("K%07d", n)):gsub("{n}", tostring(n))
	return wrk.format("GET", target, headers[asked % #headers + 1])
end

function done(summary, latency)
	local wrong = summary.errors
	io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration, wrong.status,
		wrong.connect + wrong.read + wrong.write + wrong.timeout, latency:percentile(99)))
end
