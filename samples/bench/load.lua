-- What wrk sends, from the arguments METHOD BODY-BYTES AUTHORIZATION PAUSE.
local mean = 0

function init(args)
   wrk.method = args[1]
   local size = tonumber(args[2])
   if size > 0 then
      wrk.body = string.rep("x", size)
      wrk.headers["Content-Type"] = "application/octet-stream"
   end
   if args[3] ~= "-" then
      wrk.headers["Authorization"] = args[3]
   end
   mean = tonumber(args[4])
   if mean == 0 then
      delay = nil
   end
   ready = wrk.format()
end

function request()
   return ready
end

function delay()
   return math.floor(2 * mean * math.random() + 0.5)
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format('RESULT {"requests":%d,"micros":%d,"errors":%d,"p50":%d,"p99":%d}\n',
      summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
