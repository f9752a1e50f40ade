-- Requests for wrk: transfers of one cent between random accounts, each with a new UUIDv7.
-- Arguments: token, number of accounts, transactions per request, requests per second (0: as many as
-- the connections can send), seed. At a given rate requests come at random moments (Poisson), whatever
-- the answers take; the time of an answer begins when its request is sent.

local ffi = require("ffi")
ffi.cdef([[
typedef struct { long seconds; long nanoseconds; } bench_time;
int clock_gettime(int clock, bench_time *time);
]])

local time = ffi.new("bench_time")
local random, format = math.random, string.format
local accounts, size, rate, head, next_ms = 0, 1, 0, "", nil
local threads = 0

local function now_ms()
   ffi.C.clock_gettime(0, time)
   return tonumber(time.seconds) * 1000 + tonumber(time.nanoseconds) / 1e6
end

local function hex(digits)
   return format("%0" .. digits .. "x", random(0, 16 ^ digits - 1))
end

local function transaction()
   local ms = math.floor(now_ms())
   local debit = random(1, accounts)
   local credit = (debit + random(0, accounts - 2)) % accounts + 1
   return format(
      '{"transaction_id":"%08x-%04x-7%s-%x%s-%s%s","debit_account":%d,"credit_account":%d,'
         .. '"amount_minor":1,"currency":"USD"}',
      math.floor(ms / 65536), ms % 65536, hex(3), random(8, 11), hex(3), hex(6), hex(6),
      debit, credit
   )
end

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init(arguments)
   accounts, size, rate = tonumber(arguments[2]), tonumber(arguments[3]), tonumber(arguments[4])
   math.randomseed(tonumber(arguments[5]) * 1000 + number)
   local path = size == 1 and "/transactions" or "/transactions/batch"
   head = "POST " .. path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
      .. "\r\nAuthorization: Bearer " .. arguments[1]
      .. "\r\nContent-Type: application/json\r\nContent-Length: "
   if rate > 0 then
      delay = wait_for_turn
   end
end

function request()
   local body
   if size == 1 then
      body = transaction()
   else
      local documents = {}
      for place = 1, size do
         documents[place] = transaction()
      end
      body = '{"transactions":[' .. table.concat(documents, ",") .. "]}"
   end
   -- As the load balancer adds it.
   local trace = format("1-%08x-%s%s%s%s", math.floor(now_ms() / 1000), hex(6), hex(6), hex(6), hex(6))
   return head .. #body .. "\r\nX-Amzn-Trace-Id: Root=" .. trace .. "\r\n\r\n" .. body
end

-- Each connection takes the next moment of one schedule.
function wait_for_turn()
   local now = now_ms()
   next_ms = (next_ms or now) - 1000 / rate * math.log(1 - random())
   return math.max(0, next_ms - now)
end

function done(summary, latency)
   local errors = summary.errors
   print(format(
      'result {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "longest": %d,'
         .. ' "not_2xx": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      latency.max, errors.status, errors.connect, errors.read, errors.write, errors.timeout
   ))
end
