"""The reasons in Indonesian."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.reasons.shape import Around, Reason

_SEND = (
    "Kirim. Jika berhasil, Anda tidak menerima kabar apa pun lagi. Jika tidak, Anda menerima email seperti yang "
    "membawa Anda ke sini."
)
_REPLY_ALL = (
    "Buka email itu di folder *Terkirim* lalu pilih *Balas ke semua*. Dengan begitu orang-orang dan subjeknya tetap "
    "sama."
)
_RIGHT_ADDRESS = "Tanyakan ejaannya kepada rekan yang memberi Anda alamat ini."
_AGAIN = "Tulis alamat yang benar di Cc lalu kirim lagi."
_NOTHING = "Anda tidak perlu melakukan apa pun: server email Anda akan mencoba lagi sendiri."

REASONS: Mapping[str, Reason] = {
    "A1": Reason(
        "Server ini tidak menerima email untuk domain itu.",
        "Anda mengirim email ke {address} melalui server yang hanya menerima email untuk alamat pintar, dan alamat ini "
        "bukan salah satunya.",
        ("Periksa bagian setelah tanda @.", _RIGHT_ADDRESS, _AGAIN),
        "domainnya bukan milik kami",
        "{mail} dikirim ke domain yang bukan milik kami",
        "Periksa bagian setelah tanda @ pada alamatnya.",
    ),
    "A2": Reason(
        "Tidak ada tim dengan alamat ini.",
        "Anda mengirim email ke {address}. Tidak ada yang memakai nama itu di sini: mungkin salah eja, atau timnya "
        "sudah tidak ada.",
        ("Periksa ejaan sebelum tanda @.", _RIGHT_ADDRESS, _AGAIN),
        "tidak ada akun dengan nama ini",
        "{mail} dikirim ke akun yang tidak ada",
        "Periksa ejaan alamatnya sebelum tanda @.",
    ),
    "A3": Reason(
        "Akhiran setelah tanda plus itu tidak ada.",
        "Anda mengirim email ke {address}. Sebuah tim punya tiga alamat: tanpa akhiran, dengan +contact dan dengan "
        "+lead.",
        (
            _REPLY_ALL,
            (
                "Tulis alamatnya di Cc: apa adanya untuk menyimpan email, dengan +contact untuk menambah orang, dengan "
                "+lead untuk membuka lead."
            ),
            _SEND,
        ),
        "akhiran itu tidak ada; yang ada +contact dan +lead",
        "{mail} dikirim ke akhiran yang tidak ada",
        "Minta agar email itu dikirim lagi dengan salah satu dari tiga alamat Anda di Cc.",
    ),
    "A4": Reason(
        "Alamat ini sudah berubah.",
        "Anda mengirim email ke {address}. Tim itu sekarang bernama lain, dan alamatnya ikut berubah.",
        (
            "Tanyakan alamat barunya kepada tim yang Anda surati.",
            "Ganti alamat lama di daftar kontak Anda.",
            _SEND,
        ),
        "nama lama akun ini",
        "{mail} dikirim ke alamat lama Anda",
        "Beri tahu pengirim alamat Anda yang baru. Alamat lama tetap disimpan untuk Anda.",
    ),
    "A6": Reason(
        "Email ini ditujukan ke beberapa tim, satu per satu.",
        "Setiap tim memberi jawabannya sendiri, jadi server email Anda akan mengirim email ke {address} secara "
        "terpisah sebentar lagi.",
        (_NOTHING,),
        "akun lain didahulukan; server email mencoba lagi",
        "{mail} sedang dikirim lagi",
        "Tidak ada yang perlu dilakukan: server email pengirim akan mencoba lagi sendiri.",
        once=True,
    ),
    "A8": Reason(
        "Terlalu banyak yang datang sekaligus dari server email ini.",
        "Server email Anda mengirim email lebih banyak, atau lebih besar, daripada yang kami terima. Email yang "
        "terlalu besar tidak diterima sama sekali; yang lain hanya terlambat.",
        (
            "Jika emailnya terlalu besar, kirim lagi dengan tautan sebagai pengganti lampiran.",
            "Dalam hal lain, tunggu saja: server email Anda akan mencoba lagi sendiri.",
        ),
        "melebihi batas",
        "{mail} melebihi batas",
        "Jika emailnya terlalu besar, minta tautan sebagai pengganti lampiran.",
    ),
    "B1": Reason(
        "Alamatnya ada di Bcc. Alamat ini hanya berfungsi di Cc.",
        "Anda mengirim email dengan {address} sebagai salinan tersembunyi. Alamat itu menyimpan email untuk sebuah "
        "tim, dan hanya jika semua orang di email itu dapat melihatnya.",
        (_REPLY_ALL, "Tulis alamat ini di *Cc*, dan biarkan Bcc kosong:", _SEND),
        "salinan tersembunyi: alamatnya ada di Bcc",
        "{mail} dikirim sebagai salinan tersembunyi",
        "Minta agar email itu dikirim lagi dengan alamatnya di Cc.",
        envelope="Bcc",
    ),
    "B1-to": Reason(
        "Alamatnya ada di To. Alamat ini hanya berfungsi di Cc.",
        "Anda mengirim email ke {address}. Alamat itu menyimpan email antara Anda dan klien Anda, jadi tempatnya di "
        "samping mereka, di Cc. Ini berlaku juga untuk email terusan.",
        (
            "Buka email itu di folder *Terkirim* lalu tujukan kepada klien Anda.",
            "Tulis alamat ini di *Cc*, bukan di To:",
            _SEND,
        ),
        "alamatnya ada di To, bukan di Cc",
        "{mail} dikirim ke alamat itu sendiri",
        "Minta agar email itu dikirim lagi dengan alamatnya di Cc. Ini berlaku juga untuk email terusan.",
        envelope="To",
    ),
    "B2": Reason(
        "Pemberitahuan dari sistem email datang ke alamat yang tidak pernah mengirim.",
        "Email pantulan atau pemberitahuan serupa dikirim ke {address}. Alamat pintar tidak pernah mengirim, jadi "
        "tidak ada pemberitahuan untuknya.",
        (
            (
                "Anda tidak perlu melakukan apa pun. Jika Anda mengelola server email itu, cari siapa yang memalsukan "
                "alamat ini sebagai pengirim."
            ),
        ),
        "email pantulan, padahal alamat pintar tidak mengirim apa pun",
        "{mail} adalah email pantulan",
        "Tidak ada yang perlu dilakukan: alamat pintar tidak mengirim apa pun, jadi tidak ada pantulan untuknya.",
    ),
    "B3": Reason(
        "Email ini berputar-putar.",
        "Dalam perjalanan ke {address} email ini melewati begitu banyak server sehingga salah satunya pasti "
        "mengirimnya kembali.",
        ("Cari aturan penerusan yang kembali ke asalnya sendiri.", "Hapus aturan itu lalu kirim lagi emailnya."),
        "berputar-putar",
        "{mail} berputar-putar",
        "Cari aturan penerusan yang kembali ke asalnya sendiri.",
    ),
    "B4": Reason(
        "Kepala email ini tidak dapat dibaca.",
        "Program email Anda menulis baris From, atau baris lain di atas isi email, dalam bentuk yang tidak menyatakan "
        "dengan pasti siapa penulisnya. Email itu dikirim ke {address}.",
        ("Kirim lagi dari program email biasa, dengan satu alamat di From.",),
        "kepala emailnya cacat",
        "{mail} punya kepala yang cacat",
        "Minta agar dikirim lagi dari program email biasa. Balasan di bawah menyebutkan apa yang salah.",
    ),
    "B4a": Reason(
        "Server email Anda mengakhiri baris dengan cara yang tidak diizinkan.",
        "Baris email diakhiri dua tanda, carriage return dan line feed. Salah satunya hilang.",
        ("Jika Anda mengelola server email itu, perbarui lalu kirim lagi.",),
        "sebuah baris berakhir dengan cara yang tidak diizinkan",
        "{mail} melanggar aturan email",
        "Server email pengirim harus diperbarui.",
    ),
    "B4b": Reason(
        "Susunan email ini tidak kami baca.",
        "Email ini punya lebih banyak baris kepala, alamat, atau bagian di dalam bagian daripada email biasa. Email "
        "itu dikirim ke {address}.",
        ("Kirim lagi sebagai email baru yang sederhana, dengan lebih sedikit orang.",),
        "melebihi apa yang kami baca",
        "{mail} melebihi apa yang kami baca",
        "Minta agar dikirim lagi sebagai email baru yang sederhana.",
    ),
    "B4c": Reason(
        "Alamat pintar tidak bisa menjadi pengirim.",
        "Email ini menyebut alamat pintar sebagai penulisnya. Alamat seperti itu hanya menerima, jadi email ini tidak "
        "mungkin asli.",
        ("Pilih alamat Anda sendiri di From lalu kirim lagi.", _SEND),
        "menyebut alamat pintar sebagai penulisnya",
        "{mail} menyebut alamat pintar sebagai penulisnya",
        "Alamat pintar tidak mengirim apa pun. Penulisnya harus memilih alamatnya sendiri di From.",
    ),
    "B5": Reason(
        "Kami tidak dapat memastikan bahwa email ini berasal dari domain yang disebutnya.",
        "Domain di From meminta agar email yang tidak membuktikan asalnya ditolak, dan email ke {address} ini tidak "
        "membuktikannya.",
        (
            "Kirim dari layanan email domain Anda sendiri.",
            "Jika Anda mengelola domain itu: tanda tangani emailnya (DKIM), atau cantumkan server email ini (SPF).",
        ),
        "tidak terbukti berasal dari domain yang disebutnya",
        "{mail} tidak terbukti berasal dari domain yang disebutnya",
        "Domain pengirim meminta agar email seperti itu ditolak. Pengelolanya dapat menandatangani emailnya.",
    ),
    "B7": Reason(
        "Hanya orang yang dikenal tim ini dapat menulis ke sini.",
        "Anda mengirim email dengan {address} di Cc. Timnya hanya menerima email dari orang-orangnya sendiri dan klien "
        "mereka.",
        ("Tulislah kepada orang yang Anda kenal di tim itu, tanpa alamat ini.",),
        "orang asing, dan hanya orang yang dikenal boleh menulis ke sini",
        "{mail} ditulis oleh orang asing",
        "Agar penulisnya dapat masuk, jadikan dia kontak. Anda juga dapat mengizinkan orang asing menulis kepada Anda.",
    ),
    "B8": Reason(
        "Tidak ada klien di email ini.",
        "Anda mengirim email ke {address}, yang membuat kontak atau lead dari klien di email itu. From, To dan Cc "
        "hanya menyebut orang-orang tim. Isi email terusan tidak dibaca.",
        ("Tulislah kepada klien Anda, atau balas mereka.", "Tulis alamat ini di *Cc*:", _SEND),
        "tidak ada klien di From, To atau Cc",
        "{mail} tidak menyertakan klien",
        "Minta email dengan klien di To atau Cc. Isi email terusan tidak dibaca.",
    ),
    "B10": Reason(
        "Saat ini kami tidak dapat menerima email.",
        "Ada gangguan sebentar di pihak kami. Email Anda ke {address} tidak hilang.",
        (_NOTHING,),
        "gangguan di pihak kami; server email mencoba lagi",
        "{mail} sesaat tidak dapat diterima",
        "Tidak ada yang perlu dilakukan: server email pengirim akan mencoba lagi sendiri.",
        once=True,
    ),
}

OTHER = Reason(
    "Email ini tidak diterima.",
    "Sebuah email ke {address} ditolak. Kata-kata di bawah adalah yang disampaikan kepada server email Anda.",
    ("Tunjukkan halaman ini kepada rekan yang memberi Anda alamat ini.",),
    "tidak diterima",
    "{mail} ditolak",
    "Balasan di bawah menyebutkan alasannya.",
)

AROUND = Around(
    title="Mengapa email Anda tidak disimpan",
    language="Bahasa",
    safe="Orang lain yang Anda surati tidak terpengaruh.",
    safe_why="Hanya salinan ke alamat ini yang ditolak, dan isinya tidak disimpan.",
    right="Cara yang benar",
    now="Apa yang terjadi sekarang",
    wrong="Yang terjadi",
    works="Yang berfungsi",
    client="klien Anda",
    nobody="kosong",
    told="Yang disampaikan kepada server email Anda",
    stuck="Masih belum berhasil? Tunjukkan halaman ini kepada rekan yang memberi Anda alamat ini.",
    receipt="Mereka dapat mencari catatan {receipt}.",
    private="Halaman ini tidak menampilkan email siapa pun: tanpa subjek, tanpa isi, tanpa alamat orang.",
    gone="Catatan ini sudah tidak ada pada kami.",
    gone_days="Catatan disimpan selama {days} hari.",
    gone_how="Balasan yang diterima server email Anda menyebutkan alasannya dalam beberapa kata. Tunjukkan kepada "
    "rekan yang memberi Anda alamat ini.",
    mail="Sebuah email",
)
