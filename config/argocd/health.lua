-- The health of an AIModel or an InferencePool, as Argo CD shows it (Lua 5.1, sandboxed).
-- A missed objective, drift or an unknown price does not make a model unhealthy: only what keeps it from serving does.
local health = {status = "Progressing", message = "Waiting for the operator to see this generation"}
local status = obj.status or {}
if (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health
end

local holds, message, reason = {}, {}, {}
for _, condition in ipairs(status.conditions or {}) do
  holds[condition.type] = condition.status == "True"
  message[condition.type] = condition.message
  reason[condition.type] = condition.reason
end

if holds.Stalled then
  health.status = "Degraded"
  health.message = message.Stalled
elseif holds.Paused then
  health.status = "Suspended"
  health.message = message.Paused
elseif reason.Ready == "ScaledToZero" then
  health.status = "Suspended"
  health.message = message.Ready
elseif holds.Ready and not holds.Reconciling then
  health.status = "Healthy"
  health.message = message.Ready
elseif message.Reconciling ~= nil then
  health.message = message.Reconciling
elseif message.Ready ~= nil then
  health.message = message.Ready
end
return health
