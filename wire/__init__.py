"""Values that cross a boundary, and nothing that does I/O.

Between agent and backend (WebSocket, subprotocol ``custard.v1``) control messages are JSON text and results
are binary frames. Every union is closed and versioned: an unknown message is answered by ``error``.

=============  ================  ==========================================================================
message        sent by           means
=============  ================  ==========================================================================
hello          agent             first frame: versions, policy digest, limits, what is still in flight
welcome        backend           session opened: protocol, epoch, this socket's limits
tighten        backend           its own policy for this connection, which can only tighten the owner's
introspect     backend           send the snapshot, unless it still has the ``known`` fingerprint
snapshot       agent             the whole snapshot
delta          agent             what changed since ``base``
packed         agent             a snapshot or delta, compressed
unchanged      agent             the known fingerprint still holds
lookup         backend           which values do these words meet
values         agent             a few values, with their columns
cases          backend           which cases of an eval lie beside the agent
suite          agent             their questions, without what they accept
score          backend           compare this query with what a case accepts
verdict        agent             whether they agree, and how many rows there were
execute        backend           run this statement once, with this much credit
accepted       agent             taken: from here on it may have run
columns        agent             the result's columns
(rows frame)   agent             a batch of rows, see ``wire.frames``
credit         backend           that many more bytes of rows may come
end            agent             the result is over: rows, bytes, hash
end-ack        backend           it arrived whole
failed         agent             the statement gave no (whole) result, and why
export         backend           run this statement once and send its whole result as COPY writes it
explain        backend           plan this statement, do not run it
plan           agent             cost, rows and text of the plan
cancel         backend           stop the statement in the database
cancelled      agent             it is gone from the database
drain          backend           about to stop: attach elsewhere, finish here
error          both              a frame could not be understood or served
=============  ================  ==========================================================================

The package itself imports nothing: the process that judges statements needs the policy alone, and reading the
messages' models is most of its start.
"""
