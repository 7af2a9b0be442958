-- What the user of the connection may do: a function that runs what it may not fails in its midst, and does not say of
-- what it was.
-- KEYS  root of a shard

-- lacking_rights. ARGV names of commands, `MEMORY|USAGE` where a subcommand is meant. Reply: those that the user may not run.
local function lacking_rights(keys, args)
  local reply = {}
  for _, name in ipairs(args) do
    -- Raises for a command that this server does not have.
    local container, sub = string.match(name, '^(%u+)|(%u+)$')
    local is_known, is_allowed = pcall(redis.acl_check_cmd, container or name, sub or keys[1], keys[1])
    if is_known and not is_allowed then reply[#reply + 1] = name end
  end
  return reply
end

register('lacking_rights', lacking_rights, 'no-writes')
