struct ProtoRequest { 1: i32 type, 2: binary content, 3: i64 sharding_id }
struct ProtoReply   { 1: i64 result, 2: i32 type, 3: binary content }
exception Refused { 1: string why }
struct Nested { 1: map<string, list<i64>> table, 2: optional Nested & inner, 3: set<double> points, 4: bool yes, 5: bool no, 6: i8 tiny, 7: i16 small, 8: string text }
service ProtoService { ProtoReply rpc(1: ProtoRequest rq), oneway void tell(1: ProtoRequest rq), Nested deep(1: Nested n, 2: bool flag) throws (1: Refused refused), void nothing() }
