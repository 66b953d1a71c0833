-- Wireshark dissector for Switchyard: packets (clients, direct routes, packet hubs) and RPC frames (RPC hubs).
--
--   wireshark -X lua_script:tools/switchyard.lua edge.pcapng
--   tshark -X lua_script:tools/switchyard.lua -r edge.pcapng -Y 'switchyard.type == 7'
--
-- Ports are preferences of both protocols (Edit, Preferences, Protocols), and "Decode As" takes the names switchyard and switchyard_rpc.

local codes = {
  [1] = "noRoute", [2] = "noPeer", [3] = "busy", [4] = "draining", [5] = "neverSent", [6] = "lost", [7] = "deadline", [8] = "cancelled",
  [9] = "badRequest", [10] = "tooLarge", [11] = "unauthorized", [12] = "rateLimited", [13] = "takenOver", [14] = "protocol",
  [15] = "unsupportedVersion", [16] = "slowConsumer", [17] = "remoteException", [18] = "idle", [19] = "internal",
}
local controls = {
  [0xFF01] = "HELLO", [0xFF02] = "WELCOME", [0xFF03] = "REJECT", [0xFF04] = "PING", [0xFF05] = "PONG", [0xFF06] = "DRAIN",
  [0xFF07] = "UNDELIVERED", [0xFF08] = "SESSION_CLOSED", [0xFF09] = "KICK", [0xFF0A] = "BIND", [0xFF0B] = "MULTICAST", [0xFF0C] = "PEERS",
}
local kinds = {
  [1] = "HELLO", [2] = "WELCOME", [3] = "REJECT", [4] = "PING", [5] = "PONG", [6] = "DRAIN", [7] = "UNDELIVERED", [12] = "PEERS",
  [16] = "REQUEST", [17] = "REPLY", [18] = "CANCEL",
}
local roles = { [1] = "edge", [2] = "service", [3] = "caller", [4] = "agent" }

-- Bodies that both wires share (protocol, section 4).

local shared = Proto("switchyard_body", "Switchyard body")
local b = {
  version = ProtoField.uint8("switchyard_body.version", "Version"),
  role = ProtoField.uint8("switchyard_body.role", "Role", base.DEC, roles),
  flags = ProtoField.uint16("switchyard_body.flags", "Flags", base.HEX),
  cluster = ProtoField.uint32("switchyard_body.cluster", "Cluster"),
  node = ProtoField.uint64("switchyard_body.node", "Node"),
  window = ProtoField.uint32("switchyard_body.window", "Window"),
  range = ProtoField.string("switchyard_body.range", "Range"),
  name = ProtoField.string("switchyard_body.name", "Name"),
  token = ProtoField.uint16("switchyard_body.token_length", "Join token, bytes"),
  hub = ProtoField.uint64("switchyard_body.hub", "Hub id"),
  heartbeat = ProtoField.uint32("switchyard_body.heartbeat", "Heartbeat, ms"),
  maxframe = ProtoField.uint32("switchyard_body.max_frame", "Largest frame"),
  deadline = ProtoField.uint32("switchyard_body.deadline", "Deadline, ms"),
  code = ProtoField.uint16("switchyard_body.code", "Code", base.DEC, codes),
  reason = ProtoField.string("switchyard_body.reason", "Reason"),
  sessions = ProtoField.uint16("switchyard_body.sessions", "Sessions named"),
  session = ProtoField.uint64("switchyard_body.session", "Session", base.HEX),
  lost = ProtoField.uint16("switchyard_body.lost_type", "Lost Pack_type"),
  bytes = ProtoField.bytes("switchyard_body.bytes", "Bytes"),
}
shared.fields = b

local function ranges(buf, tree, at, count)
  for i = 0, count - 1 do
    if at + i * 8 + 8 > buf:len() then return end
    local lo, hi = buf(at + i * 8, 4):uint(), buf(at + i * 8 + 4, 4):uint()
    tree:add(b.range, buf(at + i * 8, 8), lo == hi and tostring(lo) or (lo .. "-" .. hi))
  end
end

local function hello(buf, tree)
  if buf:len() < 22 then return end
  tree:add(b.version, buf(0, 1)); tree:add(b.role, buf(1, 1)); tree:add(b.flags, buf(2, 2)); tree:add(b.cluster, buf(4, 4))
  tree:add(b.node, buf(8, 8)); tree:add(b.window, buf(16, 4))
  local count = buf(20, 2):uint()
  ranges(buf, tree, 22, count)
  local at = 22 + count * 8
  if at + 2 > buf:len() then return end
  -- The token itself is a secret, and is not shown.
  tree:add(b.token, buf(at, 2))
  at = at + 2 + buf(at, 2):uint()
  if at + 1 > buf:len() then return end
  local length = buf(at, 1):uint()
  if length > 0 and at + 1 + length <= buf:len() then tree:add(b.name, buf(at + 1, length)) end
end

local function welcome(buf, tree)
  if buf:len() < 21 then return end
  tree:add(b.version, buf(0, 1)); tree:add(b.flags, buf(2, 2)); tree:add(b.hub, buf(4, 8)); tree:add(b.heartbeat, buf(12, 4))
  tree:add(b.maxframe, buf(16, 4))
  local length = buf(20, 1):uint()
  if length > 0 and 21 + length <= buf:len() then tree:add(b.name, buf(21, length)) end
end

local function code_and_reason(buf, tree)
  if buf:len() < 2 then return nil end
  tree:add(b.code, buf(0, 2))
  if buf:len() > 2 then tree:add(b.reason, buf(2)) end
  return codes[buf(0, 2):uint()] or buf(0, 2):uint()
end

-- The body of a control frame; returns what belongs into the Info column.
local function control_body(name, buf, tree, on_packets)
  if name == "HELLO" then hello(buf, tree)
  elseif name == "WELCOME" then welcome(buf, tree)
  elseif name == "REJECT" or name == "KICK" or name == "SESSION_CLOSED" then return code_and_reason(buf, tree)
  elseif name == "DRAIN" and buf:len() >= 4 then tree:add(b.deadline, buf(0, 4))
  elseif name == "PEERS" and buf:len() >= 2 then ranges(buf, tree, 2, buf(0, 2):uint())
  elseif name == "UNDELIVERED" then
    if not on_packets then return code_and_reason(buf, tree) end
    if buf:len() < 31 then return nil end
    tree:add(b.code, buf(0, 2)); tree:add(b.lost, buf(4, 2))
    local quoted = buf(30, 1):uint()
    if 31 + quoted < buf:len() then tree:add(b.reason, buf(31 + quoted)) end
    return (codes[buf(0, 2):uint()] or buf(0, 2):uint()) .. " (type " .. buf(4, 2):uint() .. ")"
  elseif name == "MULTICAST" and buf:len() >= 2 then
    local count = buf(0, 2):uint()
    tree:add(b.sessions, buf(0, 2))
    for i = 0, count - 1 do if 2 + i * 8 + 8 <= buf:len() then tree:add(b.session, buf(2 + i * 8, 8)) end end
    return count == 0 and "everyone" or (count .. " sessions")
  elseif buf:len() > 0 then tree:add(b.bytes, buf()) end
  return nil
end

-- Shows each frame of a segment; what is cut at its end waits for the next. A length under `least` ends the stream: all that follows is shown once.
local function each(buf, pinfo, root, least, length_at, show)
  local at = 0
  pinfo.cols.info = ""
  while at < buf:len() do
    local left = buf:len() - at
    local length = left >= least and length_at(buf, at) or nil
    if length and length < least then length = left end
    if not length or length > left then
      pinfo.desegment_offset = at
      pinfo.desegment_len = length and length - left or DESEGMENT_ONE_MORE_SEGMENT
      return buf:len()
    end
    show(buf(at, length):tvb(), pinfo, root)
    at = at + length
  end
  return buf:len()
end

-- Packets (protocol, section 1).

local packet = Proto("switchyard", "Switchyard packet")
local p = {
  length = ProtoField.uint16("switchyard.length", "Pack_len"),
  type = ProtoField.uint16("switchyard.type", "Pack_type", base.DEC),
  user = ProtoField.uint64("switchyard.user", "User_id"),
  token = ProtoField.uint32("switchyard.token", "Token", base.HEX),
  es = ProtoField.uint32("switchyard.es", "Es_id"),
  session = ProtoField.uint64("switchyard.session", "Session"),
  control = ProtoField.string("switchyard.control", "Control"),
  body = ProtoField.bytes("switchyard.body", "Body"),
}
packet.fields = p
local short = ProtoExpert.new("switchyard.short", "Pack_len is below 28: the link cannot be read any further", expert.group.MALFORMED, expert.severity.ERROR)
packet.experts = { short }
packet.prefs.ports = Pref.range("TCP ports", "7000,7100,7200,7201", "Ports that carry packets", 65535)
packet.prefs.little = Pref.bool("Little-endian header", false, "wire: { byteOrder: little }")
packet.prefs.body = Pref.bool("Pack_len counts the body alone", false, "wire: { length: body }")

local function packet_length(buf, at)
  local n = packet.prefs.little and buf(at, 2):le_uint() or buf(at, 2):uint()
  return packet.prefs.body and n + 28 or n
end

local function one_packet(buf, pinfo, root)
  local little = packet.prefs.little
  local function add(tree, field, range) if little then tree:add_le(field, range) else tree:add(field, range) end end
  pinfo.cols.protocol = "Switchyard"
  local tree = root:add(packet, buf())
  local length = packet_length(buf, 0)
  add(tree, p.length, buf(0, 2))
  if length < 28 then tree:add_proto_expert_info(short); return buf:len() end
  local kind = little and buf(2, 2):le_uint() or buf(2, 2):uint()
  add(tree, p.type, buf(2, 2)); add(tree, p.user, buf(4, 8)); add(tree, p.token, buf(12, 4)); add(tree, p.es, buf(16, 4)); add(tree, p.session, buf(20, 8))
  local name = controls[kind]
  local user = little and buf(4, 8):le_uint64() or buf(4, 8):uint64()
  local info = name or ("type " .. kind)
  tree:append_text(": " .. info .. ", " .. (length - 28) .. " bytes")
  if name then tree:add(p.control, name):set_generated() end
  if length > 28 then
    if name then
      local more = control_body(name, buf(28, length - 28):tvb(), tree:add(shared, buf(28, length - 28), name), true)
      if more then info = info .. " " .. more end
    else
      tree:add(p.body, buf(28, length - 28))
    end
  end
  if user ~= UInt64(0) then info = info .. " user " .. tostring(user) end
  pinfo.cols.info:append(info .. "  ")
  return length
end

function packet.dissector(buf, pinfo, root) return each(buf, pinfo, root, 28, packet_length, one_packet) end

-- RPC frames (protocol, section 3).

local rpc = Proto("switchyard_rpc", "Switchyard RPC frame")
local r = {
  length = ProtoField.uint32("switchyard_rpc.length", "Length"),
  kind = ProtoField.uint8("switchyard_rpc.kind", "Kind", base.DEC, kinds),
  flags = ProtoField.uint8("switchyard_rpc.flags", "Flags", base.HEX),
  oneway = ProtoField.bool("switchyard_rpc.oneway", "Oneway", 8, nil, 0x01),
  code = ProtoField.uint16("switchyard_rpc.code", "Code", base.DEC, codes),
  id = ProtoField.uint32("switchyard_rpc.rpc_id", "RPC id"),
  timeout = ProtoField.uint32("switchyard_rpc.timeout", "Time left, ms"),
  caller = ProtoField.uint64("switchyard_rpc.identify_id", "Identify id"),
  call = ProtoField.uint64("switchyard_rpc.call_id", "Call id"),
  type = ProtoField.int32("switchyard_rpc.type", "Type"),
  sharding = ProtoField.int64("switchyard_rpc.sharding_id", "Sharding id"),
  result = ProtoField.int64("switchyard_rpc.result", "Result"),
  content = ProtoField.bytes("switchyard_rpc.content", "Content"),
}
rpc.fields = r
rpc.prefs.ports = Pref.range("TCP ports", "7400,7401", "Ports that carry RPC frames", 65535)

local function one_frame(buf, pinfo, root)
  pinfo.cols.protocol = "Switchyard RPC"
  local tree = root:add(rpc, buf())
  local length, kind = buf(0, 4):uint(), buf(4, 1):uint()
  tree:add(r.length, buf(0, 4)); tree:add(r.kind, buf(4, 1))
  tree:add(r.flags, buf(5, 1)):add(r.oneway, buf(5, 1))
  tree:add(r.code, buf(6, 2)); tree:add(r.id, buf(8, 4)); tree:add(r.timeout, buf(12, 4)); tree:add(r.caller, buf(16, 8)); tree:add(r.call, buf(24, 8))
  local name = kinds[kind] or ("kind " .. kind)
  local info = name
  local payload = length - 32
  if kind == 16 and payload >= 12 then
    tree:add(r.type, buf(32, 4)); tree:add(r.sharding, buf(36, 8))
    if payload > 12 then tree:add(r.content, buf(44, payload - 12)) end
    info = info .. " rpc " .. buf(8, 4):uint() .. " call " .. tostring(buf(24, 8):uint64()) .. " type " .. buf(32, 4):int()
  elseif kind == 17 and payload >= 12 then
    tree:add(r.result, buf(32, 8)); tree:add(r.type, buf(40, 4))
    if payload > 12 then tree:add(r.content, buf(44, payload - 12)) end
    info = info .. " call " .. tostring(buf(24, 8):uint64()) .. " result " .. tostring(buf(32, 8):int64())
  elseif kind == 18 then
    info = info .. " call " .. tostring(buf(24, 8):uint64())
  elseif payload > 0 then
    local more = control_body(name, buf(32, payload):tvb(), tree:add(shared, buf(32, payload), name), false)
    if more then info = info .. " " .. more end
  end
  tree:append_text(": " .. info)
  pinfo.cols.info:append(info .. "  ")
  return length
end

function rpc.dissector(buf, pinfo, root) return each(buf, pinfo, root, 32, function(b, at) return b(at, 4):uint() end, one_frame) end

-- Ports follow the preferences.

local tcp = DissectorTable.get("tcp.port")
local function follow(proto)
  local used = nil
  local function apply()
    if used then tcp:remove(used, proto) end
    used = proto.prefs.ports
    if used and used ~= "" then tcp:add(used, proto) end
  end
  proto.prefs_changed = apply
  apply()
  tcp:add_for_decode_as(proto)
end
follow(packet)
follow(rpc)
