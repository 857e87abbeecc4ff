//! Problems (RFC 9457): the one table of codes, and their words in English and Indonesian.

use std::fmt;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::refusal::{Code, FieldError, Refusal};
use domain::resource::TemplateRef;
use persistence::error::{Failure, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `type` of a problem is this and the code: a name, not an address.
const TYPE_BASE: &str = "urn:tanggap:problem:";

/// Something a caller is told instead of what it asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    // In a box: a problem is the error of nearly every function here, and shall be small to hand on.
    refusal: Box<Refusal>,
    /// What happened, for the log only.
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
    /// The methods that a path has, for `method_not_allowed`.
    allow: Option<String>,
}

/// How a problem looks on the wire: `application/problem+json`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A name of the code: `urn:tanggap:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:tanggap:problem:validation_failed")]
    pub problem_type: String,
    /// The code in a few words, in the caller's language.
    #[schema(example = "Invalid request")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What happened, in the caller's language.
    #[schema(example = "Something in the request is not valid; see `errors`.")]
    pub detail: String,
    /// The path of the request.
    #[schema(example = "/v1/conversations")]
    pub instance: String,
    /// The stable word to match on.
    #[schema(example = "validation_failed")]
    pub code: Code,
    /// The id under which the server's log knows the request.
    #[schema(example = "4e76ef8c8db03bf9a6cc2af826ef91cd")]
    pub request_id: String,
    /// What exactly is wrong with the request; empty unless `code` is `validation_failed`, `channel_has_policy`,
    /// `contact_exists`, or `payload_too_large` for a file.
    pub errors: Vec<ProblemField>,
    /// The templates that may be sent instead, at most 20; empty unless `code` is `reply_window_closed`.
    pub templates: Vec<TemplateRef>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer into the body (`/admin/email`), or the name of a parameter (`?limit`).
    #[schema(example = "/text")]
    pub pointer: String,
    /// The stable reason.
    #[schema(example = "required")]
    pub code: String,
    /// One sentence.
    #[schema(example = "must not be empty")]
    pub detail: String,
}

impl From<&FieldError> for ProblemField {
    fn from(error: &FieldError) -> Self {
        Self { pointer: error.pointer.clone(), code: error.code.to_owned(), detail: error.detail.clone() }
    }
}

/// The languages that problems speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, the default.
    English,
    /// Indonesian.
    Indonesian,
}

impl Language {
    /// The first language of `Accept-Language` that we speak; quality values are read.
    #[must_use]
    pub fn preferred(header: Option<&str>) -> Self {
        let mut wanted: Vec<(f32, &str)> = header
            .unwrap_or_default()
            .split(',')
            .map(|part| {
                let (tag, quality) = part.split_once(";q=").unwrap_or((part, "1"));
                (quality.trim().parse().unwrap_or(0.0), tag.trim())
            })
            .collect();
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ours = wanted.iter().filter(|(quality, _)| *quality > 0.0).find_map(|(_, tag)| {
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            match primary.as_str() {
                "en" => Some(Self::English),
                // `in` is the code that Java still uses for Indonesian.
                "id" | "in" => Some(Self::Indonesian),
                _ => None,
            }
        });
        ours.unwrap_or(Self::English)
    }
}

/// Status, then title and sentence in English and Indonesian. `{name}` stands for a parameter.
struct Words {
    status: u16,
    english: (&'static str, &'static str),
    indonesian: (&'static str, &'static str),
}

const fn words(
    status: u16,
    english: (&'static str, &'static str),
    indonesian: (&'static str, &'static str),
) -> Words {
    Words { status, english, indonesian }
}

#[rustfmt::skip]
fn table(code: Code) -> Words {
    match code {
        Code::MalformedJson => words(400, ("Malformed JSON", "The body is not valid JSON."), ("JSON rusak", "Isi permintaan bukan JSON yang sah.")),
        Code::MalformedRequest => words(400, ("Malformed request", "The request cannot be understood: {what}."), ("Permintaan rusak", "Permintaan tidak dapat dipahami: {what}.")),
        Code::MissingCredentials => words(401, ("Credentials missing", "Send an access token as `Authorization: Bearer`."), ("Kredensial tidak ada", "Kirim token akses sebagai `Authorization: Bearer`.")),
        Code::InvalidToken => words(401, ("Invalid token", "The token is not valid here, or its sign-in has ended. Sign in again."), ("Token tidak sah", "Token tidak berlaku di sini atau sesi masuknya telah berakhir. Silakan masuk kembali.")),
        Code::InvalidLink => words(401, ("Link not valid", "The link to the file is not valid, or has run out. Ask for a new one."), ("Tautan tidak berlaku", "Tautan ke berkas ini tidak sah atau sudah habis masa berlakunya. Minta tautan baru.")),
        Code::TokenExpired => words(401, ("Token expired", "The access token has run out. Refresh it."), ("Token kedaluwarsa", "Token akses telah habis masa berlakunya. Perbarui token itu.")),
        Code::InvalidCredentials => words(401, ("Sign-in failed", "E-mail address and password do not match."), ("Gagal masuk", "Alamat e-mail dan kata sandi tidak cocok.")),
        Code::InvalidRefreshToken => words(401, ("Invalid refresh token", "The refresh token is not valid, or its sign-in has ended. Sign in again."), ("Token pembaruan tidak sah", "Token pembaruan tidak berlaku atau sesi masuknya telah berakhir. Silakan masuk kembali.")),
        Code::RefreshTokenReused => words(401, ("Refresh token reused", "The refresh token had been exchanged before, so the sign-in was ended on every device that shares it. Sign in again."), ("Token pembaruan dipakai ulang", "Token pembaruan sudah pernah ditukar, sehingga sesi masuk ini diakhiri. Silakan masuk kembali.")),
        Code::InvalidOneTimeToken => words(401, ("Link not valid", "The link is not valid any more, or was used before. Ask for a new one."), ("Tautan tidak berlaku", "Tautan ini tidak berlaku lagi atau sudah pernah dipakai. Mintalah yang baru.")),
        Code::InvalidSignature => words(401, ("Invalid signature", "The signature or secret of the webhook does not match. Nothing was stored."), ("Tanda tangan tidak sah", "Tanda tangan atau rahasia webhook tidak cocok. Tidak ada yang disimpan.")),
        Code::Forbidden => words(403, ("Not allowed", "You may not do this."), ("Tidak diizinkan", "Anda tidak boleh melakukan ini.")),
        Code::ScopeMissing => words(403, ("Scope missing", "The API key does not have the scope `{scope}`."), ("Cakupan tidak ada", "Kunci API tidak memiliki cakupan `{scope}`.")),
        Code::OriginNotAllowed => words(403, ("Origin not allowed", "Pages of this origin may not connect."), ("Asal tidak diizinkan", "Halaman dari asal ini tidak boleh terhubung.")),
        Code::NotFound => words(404, ("Not found", "There is no such thing, or you may not see it."), ("Tidak ditemukan", "Tidak ada, atau Anda tidak boleh melihatnya.")),
        Code::MethodNotAllowed => words(405, ("Method not allowed", "This path does not have this method."), ("Metode tidak tersedia", "Alamat ini tidak memiliki metode tersebut.")),
        Code::AlreadyHeld => words(409, ("Already held", "{holder} already holds this conversation."), ("Sudah ditangani", "Percakapan ini sudah ditangani oleh {holder}.")),
        Code::NotHeld => words(409, ("Not held", "Nobody holds this conversation."), ("Belum ditangani", "Belum ada yang menangani percakapan ini.")),
        Code::AlreadyResolved => words(409, ("Already resolved", "This conversation is resolved. It opens again when the customer writes."), ("Sudah selesai", "Percakapan ini sudah selesai. Percakapan akan terbuka lagi bila pelanggan menulis.")),
        Code::ReplyWindowClosed => words(409, ("Reply window closed", "Free messages were allowed until {closed_at}. Wait until the customer writes, or send an approved template."), ("Jendela balasan tertutup", "Pesan bebas hanya boleh sampai {closed_at}. Tunggu pelanggan menulis atau kirim templat yang disetujui.")),
        Code::ContactBlocked => words(409, ("Contact blocked", "The contact is blocked: nothing is sent to it. Unblock it first."), ("Kontak diblokir", "Kontak ini diblokir: tidak ada yang dikirim kepadanya. Buka blokirnya dahulu.")),
        Code::NotReactable => words(409, ("Cannot be reacted to", "Only messages that the provider has can be reacted to."), ("Tidak dapat diberi reaksi", "Hanya pesan yang ada di penyedia yang dapat diberi reaksi.")),
        Code::NotRetryable => words(409, ("Cannot be sent again", "Only a failed message, or one whose fate is unknown, can be sent again; this one is {status}."), ("Tidak dapat dikirim ulang", "Hanya pesan yang gagal atau tidak diketahui nasibnya yang dapat dikirim ulang; pesan ini {status}.")),
        Code::SlugTaken => words(409, ("Slug taken", "Another workspace has this slug."), ("Slug sudah dipakai", "Ruang kerja lain memakai slug ini.")),
        Code::EmailTaken => words(409, ("E-mail address taken", "Another member of the workspace has this e-mail address."), ("Alamat e-mail sudah dipakai", "Anggota lain di ruang kerja memakai alamat e-mail ini.")),
        Code::NameTaken => words(409, ("Name taken", "The name {name} is taken."), ("Nama sudah dipakai", "Nama {name} sudah dipakai.")),
        Code::LastAdmin => words(409, ("Last admin", "The workspace would be left without an active admin."), ("Admin terakhir", "Ruang kerja akan tanpa admin aktif.")),
        Code::NotSupervisable => words(409, ("Not supervised", "{agent} is not an agent: only members with the role `agent` have a supervisor."), ("Tidak disupervisi", "{agent} bukan agen: hanya anggota dengan peran `agent` yang memiliki supervisor.")),
        Code::AlreadyJoined => words(409, ("Already joined", "The member has set a password already."), ("Sudah bergabung", "Anggota ini sudah membuat kata sandi.")),
        Code::MailNotConfigured => words(409, ("Mail not set up", "This installation cannot send mail. Ask whoever runs it."), ("E-mail belum disiapkan", "Instalasi ini tidak dapat mengirim e-mail. Tanyakan kepada pengelolanya.")),
        Code::AgentLeft => words(409, ("Left the team", "{agent} has left the team and can no longer be changed."), ("Sudah keluar dari tim", "{agent} sudah keluar dari tim dan tidak dapat diubah lagi.")),
        Code::AttachmentSent => words(409, ("Already sent", "The file was sent, and belongs to its message."), ("Sudah terkirim", "Berkas ini sudah dikirim dan menjadi bagian dari pesannya.")),
        Code::ChannelExists => words(409, ("Channel exists", "This account is connected to the workspace already."), ("Kanal sudah ada", "Akun ini sudah terhubung ke ruang kerja.")),
        Code::ChannelHasPolicy => words(409, ("Channel has a policy", "The channel {channel} has the distribution policy {policy} already."), ("Kanal sudah berkebijakan", "Kanal {channel} sudah memakai kebijakan distribusi {policy}.")),
        Code::ContactExists => words(409, ("Contact exists", "Another contact has this phone number already."), ("Kontak sudah ada", "Kontak lain sudah memakai nomor telepon ini.")),
        Code::ContactHasConversations => words(409, ("Contact has conversations", "This contact has written, so it cannot be deleted. Block it, or merge it into another."), ("Kontak memiliki percakapan", "Kontak ini sudah pernah menulis sehingga tidak dapat dihapus. Blokir atau gabungkan dengan kontak lain.")),
        Code::TooManyAttributes => words(409, ("Too many attributes", "The contacts have more than {most} different attributes, which is more than a file can have columns."), ("Terlalu banyak atribut", "Kontak memiliki lebih dari {most} atribut berbeda, melebihi jumlah kolom sebuah berkas.")),
        Code::TooManyWebhookEndpoints => words(409, ("Too many webhook endpoints", "The workspace has {max} webhook endpoints already; delete one first."), ("Terlalu banyak endpoint webhook", "Ruang kerja ini sudah memiliki {max} endpoint webhook; hapus salah satu dahulu.")),
        Code::EventExpired => words(409, ("Event expired", "Events before number {oldest_seq} are no longer kept, so they cannot be sent again."), ("Peristiwa kedaluwarsa", "Peristiwa sebelum nomor {oldest_seq} sudah tidak disimpan, sehingga tidak dapat dikirim lagi.")),
        Code::TooManyLabels => words(409, ("Too many labels", "The conversation has {most} labels already; take one off first."), ("Terlalu banyak label", "Percakapan ini sudah memiliki {most} label; lepaskan salah satu dahulu.")),
        Code::TooManyUploads => words(409, ("Too many unsent files", "{most} files that you uploaded have not been sent. Send some, or take some back."), ("Terlalu banyak berkas belum terkirim", "{most} berkas yang Anda unggah belum dikirim. Kirim atau tarik kembali sebagian.")),
        Code::VersionMismatch => words(412, ("Changed meanwhile", "It was changed since you read it; its version is {version} now. Read it again."), ("Sudah berubah", "Data ini sudah berubah sejak Anda membacanya; versinya kini {version}. Baca lagi.")),
        Code::PayloadTooLarge => words(413, ("Too large", "The body is larger than allowed."), ("Terlalu besar", "Isi permintaan melebihi batas.")),
        Code::RangeNotSatisfiable => words(416, ("Range not available", "The file has {size} bytes."), ("Rentang tidak tersedia", "Berkas ini berukuran {size} bita.")),
        Code::UnsupportedMediaType => words(415, ("Unsupported media type", "Send the body in the media type that the operation takes."), ("Jenis media tidak didukung", "Kirim isi permintaan dalam jenis media yang diterima operasi ini.")),
        Code::ValidationFailed => words(422, ("Invalid request", "Something in the request is not valid; see `errors`."), ("Permintaan tidak sah", "Ada yang tidak sah dalam permintaan; lihat `errors`.")),
        Code::RangeTooLarge => words(422, ("Range too large", "The range has {decisions} decisions; {most} can be simulated at once. Choose a shorter one."), ("Rentang terlalu besar", "Rentang ini memuat {decisions} keputusan; paling banyak {most} dapat disimulasikan sekaligus. Pilih rentang yang lebih pendek.")),
        Code::InvalidCursor => words(422, ("Invalid cursor", "The cursor is not one of this list. Begin without one."), ("Kursor tidak sah", "Kursor ini bukan milik daftar ini. Mulai tanpa kursor.")),
        Code::IdempotencyKeyReused => words(422, ("Idempotency key reused", "This `Idempotency-Key` came before with another request."), ("Kunci idempotensi dipakai ulang", "`Idempotency-Key` ini sudah dipakai untuk permintaan lain.")),
        Code::IdempotencyKeyInUse => words(409, ("Still being worked on", "A request with this `Idempotency-Key` is still being worked on."), ("Masih dikerjakan", "Permintaan dengan `Idempotency-Key` ini masih dikerjakan.")),
        Code::WorkspaceRequired => words(422, ("Workspace needed", "More than one workspace knows this e-mail address. Name the workspace."), ("Ruang kerja diperlukan", "Lebih dari satu ruang kerja mengenal alamat e-mail ini. Sebutkan ruang kerjanya.")),
        Code::NotAssignable => words(422, ("Not assignable", "You may not give conversations to {agent}."), ("Tidak dapat ditugaskan", "Anda tidak boleh memberikan percakapan kepada {agent}.")),
        Code::TemplateNotAccepted => words(409, ("Template not approved", "The template {name} is {status}: only accepted ones can be sent."), ("Templat belum disetujui", "Templat {name} berstatus {status}: hanya yang diterima dapat dikirim.")),
        Code::TemplateNotInitiating => words(409, ("Template may not begin", "The template {name} may neither start a conversation nor open one again. It is {status}; an admin can set `initiate`."), ("Templat tidak boleh memulai", "Templat {name} tidak boleh memulai atau membuka kembali percakapan. Statusnya {status}; admin dapat mengatur `initiate`.")),
        Code::TemplateNotChangeable => words(409, ("Cannot be changed now", "The provider takes no change of the template {name} while it is {status}."), ("Belum dapat diubah", "Penyedia tidak menerima perubahan templat {name} selama berstatus {status}.")),
        Code::TemplateExists => words(409, ("Template exists", "The channel has a template {name} in {language} already."), ("Templat sudah ada", "Kanal ini sudah memiliki templat {name} dalam bahasa {language}.")),
        Code::ContactOptedOut => words(409, ("No marketing messages", "The customer does not want marketing messages."), ("Tidak mau pesan pemasaran", "Pelanggan tidak ingin menerima pesan pemasaran.")),
        Code::TooManyRequests => words(429, ("Too many requests", "Wait a moment and try again."), ("Terlalu banyak permintaan", "Tunggu sebentar lalu coba lagi.")),
        Code::RateLimited => words(429, ("Too many calls", "These credentials have used up their calls for the moment. Wait as long as `Retry-After` says, and go slower."), ("Terlalu banyak panggilan", "Kredensial ini sudah menghabiskan jatah panggilannya untuk saat ini. Tunggu selama `Retry-After`, lalu panggil lebih jarang.")),
        Code::Internal => words(500, ("Internal error", "Something went wrong on our side. The log has it under `request_id`."), ("Kesalahan internal", "Terjadi kesalahan di pihak kami. Catatannya ada di bawah `request_id`.")),
        Code::Unavailable => words(503, ("Unavailable", "The service is busy or its database is away. What you asked for may or may not have happened; try again with the same `Idempotency-Key`."), ("Tidak tersedia", "Layanan sibuk atau basis datanya tidak terjangkau. Permintaan Anda mungkin sudah atau belum terlaksana; coba lagi dengan `Idempotency-Key` yang sama.")),
    }
}

/// The status of a code.
#[must_use]
pub fn status_of(code: Code) -> u16 {
    table(code).status
}

impl Problem {
    /// What the code is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.refusal.code
    }

    /// What the log should know and the caller must not.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }

    /// The methods that the path has.
    #[must_use]
    pub fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// In how many seconds the same call may succeed, where that is known.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.refusal.retry_after_seconds
    }

    /// How many bytes a file has, where a range of it is not to be had.
    #[must_use]
    pub fn complete_length(&self) -> Option<&str> {
        let size = self.refusal.params.iter().find(|(name, _)| *name == "size")?;
        (self.code() == Code::RangeNotSatisfiable).then_some(size.1.as_str())
    }

    /// Something that we depend on is away; the same call may succeed soon.
    pub fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { refusal: Box::new(Code::Unavailable.into()), cause: Some(Arc::new(cause)), allow: None }
    }

    /// A path that has other methods.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Code::MethodNotAllowed.into() }
    }

    /// A fault of ours.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { refusal: Box::new(Code::Internal.into()), cause: Some(Arc::from(cause.into())), allow: None }
    }

    /// What one of actix's own errors means.
    #[must_use]
    pub fn of_error(error: &actix_web::Error) -> Self {
        let status = error.as_response_error().status_code();
        let code = match status.as_u16() {
            404 => Code::NotFound,
            405 => Code::MethodNotAllowed,
            413 => Code::PayloadTooLarge,
            415 => Code::UnsupportedMediaType,
            422 => Code::ValidationFailed,
            400..500 => Code::MalformedRequest,
            _ => return Self::internal(error.to_string()),
        };
        Refusal::new(code).with("what", error).into()
    }

    /// How it looks on the wire.
    #[must_use]
    pub fn body(&self, language: Language, instance: &str, request_id: &str) -> ProblemBody {
        let code = self.code();
        let words = table(code);
        let (title, detail) = match language {
            Language::English => words.english,
            Language::Indonesian => words.indonesian,
        };
        let mut detail = detail.to_owned();
        for (name, value) in &self.refusal.params {
            detail = detail.replace(&format!("{{{name}}}"), value);
        }
        ProblemBody {
            problem_type: format!("{TYPE_BASE}{code}"),
            title: title.to_owned(),
            status: words.status,
            detail,
            instance: instance.to_owned(),
            code,
            request_id: request_id.to_owned(),
            errors: self.refusal.errors.iter().map(ProblemField::from).collect(),
            templates: self.refusal.templates.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self { refusal: Box::new(refusal), cause: None, allow: None }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Refusal::new(code).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Away(_) | StoreError::Busy | StoreError::Late | StoreError::RunAgain(_) => {
                Code::Unavailable
            }
            StoreError::Taken(_)
            | StoreError::Unreadable { .. }
            | StoreError::RowCount { .. }
            | StoreError::Query(_) => Code::Internal,
        };
        Self { refusal: Box::new(code.into()), cause: Some(Arc::new(error)), allow: None }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::Store(error) => error.into(),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(status_of(self.code())).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Only the status: the words depend on the request, and [`super::finish`] adds them.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Problem, table};
    use domain::refusal::{Code, Refusal};

    #[test]
    fn both_languages_name_the_same_parameters() {
        let names = |text: &str| -> Vec<String> {
            let mut names: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|part| part.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .collect();
            names.sort();
            names
        };
        for code in Code::ALL {
            let words = table(*code);
            assert_eq!(names(words.english.1), names(words.indonesian.1), "{code}");
            assert!((400..=503).contains(&words.status), "{code}");
        }
    }

    #[test]
    fn speaks_the_callers_language_and_fills_in_names() {
        let problem = Problem::from(Refusal::new(Code::AlreadyHeld).with("holder", "Siti"));
        let body = problem.body(Language::preferred(Some("de;q=0.9, id-ID;q=0.8, en;q=0.7")), "/v1/x", "r1");
        assert_eq!(body.detail, "Percakapan ini sudah ditangani oleh Siti.");
        assert_eq!((body.status, body.code), (409, Code::AlreadyHeld));
        assert_eq!(Language::preferred(None), Language::English);
        assert_eq!(Language::preferred(Some("id;q=0, en")), Language::English);
    }
}
