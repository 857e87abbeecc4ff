-- The team by how much each member has to do and has done, most first.
CREATE INDEX agent_counts_by_assigned ON agent_counts (workspace_id, assigned DESC, agent_id DESC);
CREATE INDEX agent_counts_by_handled ON agent_counts (workspace_id, handled DESC, agent_id DESC);
CREATE INDEX agent_counts_by_resolved ON agent_counts (workspace_id, resolved DESC, agent_id DESC);
