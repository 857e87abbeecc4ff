-- Messages that the provider approves, and conversations that a business starts with one.

CREATE TABLE templates (
    workspace_id          uuid NOT NULL,
    id                    uuid NOT NULL,
    channel_id            uuid NOT NULL,
    name                  text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 512),
    language              text NOT NULL CHECK (char_length(language) BETWEEN 1 AND 16),
    category              text NOT NULL CHECK (category IN ('marketing', 'utility', 'authentication')),
    parameter_format      text NOT NULL CHECK (parameter_format IN ('positional', 'named')),
    -- A domain::template::TemplateComponents.
    components            jsonb NOT NULL,
    -- Parts that were made at the provider and cannot be filled in here.
    unsupported           text[] NOT NULL,
    status                text NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected', 'paused', 'disabled')),
    provider_status       text,
    rejection_reason      text,
    quality               text,
    initiate              boolean NOT NULL,
    provider_template_id  text,
    -- Deleted here, and not yet at the provider: nobody sees it any more.
    deleted_at            timestamptz,
    version               bigint NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, channel_id) REFERENCES channels (workspace_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX templates_by_key ON templates (workspace_id, channel_id, name, language) WHERE deleted_at IS NULL;
CREATE INDEX templates_by_channel ON templates (workspace_id, channel_id);
CREATE INDEX templates_by_name ON templates (workspace_id, name, language, id) WHERE deleted_at IS NULL;

-- The numbers of one business account share its templates.
CREATE INDEX channels_by_business ON channels (workspace_id, (config #>> '{account,waba_id}'))
    WHERE kind = 'whatsapp';

ALTER TABLE ticket_holders DROP CONSTRAINT ticket_holders_reason_check;
ALTER TABLE ticket_holders ADD CONSTRAINT ticket_holders_reason_check CHECK (reason IN ('claimed', 'assigned', 'replied',
    'auto_assigned', 'unanswered_transfer', 'handover', 'started'));

ALTER TABLE timers DROP CONSTRAINT timers_kind_check;
ALTER TABLE timers ADD CONSTRAINT timers_kind_check CHECK (kind IN ('unanswered_transfer', 'supervisor_notice', 'handover',
    'reply_window_warning'));

ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_subject_type_check;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_subject_type_check CHECK (subject_type IN ('agent', 'division',
    'channel', 'api_key', 'workspace', 'assignment_settings', 'distribution_policy', 'messaging_settings',
    'template'));
