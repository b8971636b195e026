"""What ends a letter without being what it says: closings, and the lines that programs add."""

from __future__ import annotations

import re

_DEVICE = re.compile(
    r"^[\s\-–—*_\[(<>]{0,6}(?:(?:\w+ )?from (?:my |a )?(?:mobile|iphone|ipad|android|phone)\b"
    r"|sent (?:wirelessly )?(?:from|via|with|by|using)\b(?! the \w+ (?:office|department))"
    r"|get outlook for|download outlook|sent automatically|composed (?:on|with)|written (?:on|from) my|typed on my"
    r"|отправлен[оаы]? (?:с|со|из|через|при помощи|посредством)\b|послано (?:с|из)\b|написано (?:с|в|на) \w*phone"
    r"|(?:--\s?)?отправлено из mail|надіслано (?:з|із|зі|через)\b|відправлено (?:з|із|зі|через)\b|адпраўлена з"
    r"|(?:получи(?:ть|те)|отримати) (?:outlook|bluemail)|get bluemail|скача(?:ть|йте) outlook|завантажити outlook"
    r"|загрузить outlook"
    r"|von meinem .{2,40} gesendet|gesendet (?:von|mit|über|aus)\b|diese nachricht wurde von mein"
    r"|holen sie sich outlook|outlook für \w+ beziehen"
    r"|envoyé (?:sans fil )?(?:de|depuis|à partir|avec|du|par mon)\b"
    r"|envoyer? de mon|télécharger outlook|obtenir outlook|obtenez outlook"
    r"|enviado (?:desde|do|a partir|de meu|de mi|con|pelo|via)\b|enviada do meu|obtener outlook|obter o outlook"
    r"|descargar outlook"
    r"|inviato (?:da|dal|con|tramite)\b|scarica outlook|ottieni outlook|verzonden (?:vanaf|met|via|vanuit)"
    r"|verstuurd vanaf|download outlook|outlook voor \w+ downloaden"
    r"|wysłan[eoya]{1,3} z\b|wysłane za pomocą|pobierz (?:aplikację )?outlook|odesláno z|odoslané z|poslano z"
    r"|skickat från|skickades från|från min|στάλθηκε από|أُ?رسلت من|נשלח מה?"
    r"|sendt fra|hämta outlook|hent outlook|hanki outlook"
    r"|lähetetty|iphone.?(?:i?stani|umdan|.mdan) gönderildi|.{0,30}'?(?:m?d[ae]n|t[ae]n) gönderildi|trimis (?:de pe"
    r"|din)|iphoneから送信|.{0,20}から送信"
    r"|发自我的|從我的 .{0,20}傳送|从我的 .{0,20}发送|나의 .{0,20}에서 보냄|.{0,20}에서 보냄|đã gửi từ|gửi từ"
    r"|elküldve|saadetud minu"
    r"|poslano s).{0,100}$",
    re.I,
)
_DEVICE_WORDS = re.compile(
    r"iphon|ipad|ipod|android|cell\b|samsung|galaxy|xiaomi|redmi|huawei|honor|realme|oppo|nokia|lumia|sony|xperia"
    r"|htc|lg\b|moto|pixel|blackberry|bb10|palm|windows|outlook|mail|почт|пошт|mobile|моб|phone|телефон|смартфон"
    r"|планшет|tablet|yahoo|gmail|bluemail|proton|telekom|vodafone|verizon|at&t|t-mobile|mac\b|macbook|imac|watch"
    r"|device|gerät|smartphone|celular|móvil|mobil|handy|tele2|мтс|билайн|мегафон|app\b|inbox|spark|airmail|appareil"
    r"|zimbra|handheld|nexus|treo|wireless|kindle|meizu|zte|lenovo|asus|apple|alcatel|myMail|newton|polymail"
    r"|superhuman|органайзер|organizer|мойофис|workspace|hey\b|nine|front\b|aquamail|k-9|thunderbird|tuta",
    re.I,
)
_CLOSING = re.compile(
    r"^[\s*_]{0,4}(?:с (?:глубоким |большим |искренним )?уважением|с наилучшими(?: пожеланиями)?|с почтением"
    r"|с благодарностью|искренне ваш\w*|всего (?:наи)?(?:доброго|лучшего)|з (?:найкращими|повагою)(?: побажаннями)?"
    r"|з повагою|с пажаданнямі|щиро(?: ваш\w*)?|з пошаною|на все добре|всього найкращого|з павагай|с ув\.?"
    r"|(?:with )?(?:(?:my |our )?(?:best|kind|kindest|warm|warmest|many) )?(?:wishes|regards)|best regards"
    r"|kind regards|regards|yours (?:sincerely|truly|faithfully)|sincerely(?: yours)?|respectfully"
    r"|(?:mit )?(?:freundlichen?|besten?|schönen?|liebe[nr]?|viele[nr]?|herzlichen?) (?:grüßen?|grüssen?|gruß|gruss)"
    r"|mfg|lg|vg|beste grüße|hochachtungsvoll|(?:bien )?cordialement|(?:très )?cordialement|bien à vous"
    r"|meilleures salutations|sincères salutations|salutations|(?:un )?(?:cordial|atento) saludo"
    r"|saludos(?: cordiales)?|atentamente|cordialmente|atenciosamente|att|cumprimentos|com os melhores cumprimentos"
    r"|(?:cordiali|distinti) saluti|cordialmente|met (?:vriendelijke|hartelijke) groet(?:en)?|mvg"
    r"|vriendelijke groeten?|hartelijke groeten?|z powa[żz]aniem|pozdrawiam(?: serdecznie)?|s pozdravem"
    r"|s přátelským pozdravem|s pozdravom|med vänlig(?:a)? hälsning(?:ar)?|vänliga hälsningar|mvh|hälsningar"
    r"|(?:med )?venlig hilsen|med vennlig hilsen|vennlig hilsen|hilsen|ystävällisin terveisin|terveisin"
    r"|saygılarım(?:la|ızla)|tisztelettel|[üu]dv[öo]zlettel|üdv|kh|cu (?:respect|stimă)|με εκτίμηση|құрметпен"
    r"|敬具|此致|敬上)(?P<rest>[\s,.!;:*_\-–—].{0,100})?$",
    re.I,
)
# A device that no list knows: names and numbers only («Sent from my Doogee S96»), not "my desk, where …".
_UNKNOWN_DEVICE = re.compile(
    r"^[\s\-–—*_\[(<>]{0,6}(?:[Ss]ent from my|Отправлено с(?: моего)?)"
    r"(?:\s[A-Z0-9][\w+/-]{0,20}){1,6}[\s.)\]>*_]{0,4}$"
)
_DELIMITER = re.compile(r"^[\s>]{0,3}(?:--|—|––|−−|\*{2,3} ?|__)\s{0,3}$")


_RULE = re.compile(r"^\s{0,3}(?:[-_=*—–]\s?){2,100}$")
_NAME = re.compile(r"^\s{0,3}(?:-{1,3}|[—–/])\s?[^\W\d_][\w.'’]{0,30}(?:\s[^\W\d_][\w.'’-]{0,30}){0,3}\s?$")
_NOTICE = re.compile(
    r"confidential|privileged|intended recipient|disclaimer|virus|avast|конфиденциальн|предназначен\w* (?:только"
    r"|исключительно)|вирус"
    r"|unsubscribe|отписаться|please (?:consider|think).{0,40}(?:environment|print)|vertraulich|confidentiel"
    r"|confidencial|riservat",
    re.I,
)
# What lawyers add, as a paragraph of its own: it speaks of the letter, of secrecy and of whom it is meant for.
_DISCLAIMER = re.compile(
    r"^\W{0,6}(?:\w+\W{1,3}){0,4}?(?:(?:это|данное|настоящее|цей|це|this|diese|ce|cet|este"
    r"|el presente) (?:\w+ )?(?:письмо|сообщение|лист|повідомлення|e-?mail|message|communication|transmission"
    r"|nachricht|mensaje|correo|courriel)|confidentiality (?:notice|note)|disclaimer)",
    re.I,
)
_SECRECY = re.compile(r"конфиденциал|конфіденц|confidenti|privileged|vertraulich|confidencial", re.I)
_MEANT_FOR = re.compile(r"адресат|предназнач|призначен|intended|addressee|recipient|empfänger|destina", re.I)
_LIST = re.compile(
    r"mailing list|unsubscribe|@lists?\.|/listinfo|/options/|список рассылки|рассылк|отписаться|list archive"
    r"|posting address",
    re.I,
)
_CONTACT = re.compile(
    r"^(?:[^\d\n@]{0,16})(?:\+?\d[\d\s()-]{8,20}\d|[^\s@]{1,60}@[^\s@]{1,60}\.\w+|https?://\S{1,80}"
    r"|www\.\S{1,80})\W{0,3}$",
    re.I,
)
_POSTSCRIPT = re.compile(r"p\.?\s?p?\.?\s?s\b|п\.?\s?с\.|постскриптум|з\.?ы\b", re.I)
_SCANNED = re.compile(
    r"^\W{0,6}(?:virus-free|без вирусов|не содержит вирусов|проверено на (?:наличие вирусов|вирусы)"
    r"|это (?:сообщение|письмо) (?:было )?(?:проверено|свободно от вирусов|не содержит вирусов)"
    r"|this (?:email|message) (?:has been|was) (?:checked|scanned)|garanti sans virus|virenfrei|libre de virus)",
    re.I,
)


def delimiter(line: str) -> bool:
    """ "-- " (RFC 3676, 4.3), also without its blank or with the dash that an editor put in its place."""
    return bool(_DELIMITER.match(line[:12])) and len(line) < 12


def device(line: str) -> bool:
    """«Отправлено с iPhone», "Sent from my Samsung": a line that a program wrote."""
    line = line.strip().strip("\u2060\u2063\u200b\ufeff")  # BlueMail puts its own between such
    if not line or len(line) > 160:
        return False
    if _SCANNED.match(line) or _UNKNOWN_DEVICE.match(line):
        return True
    # Behind a comma a sentence may go on: "Sent from my desk, which beats a phone."
    return bool(_DEVICE.match(line) and _DEVICE_WORDS.search(line.partition(",")[0]))


def closing(line: str) -> bool:
    """«С уважением, …», "Best regards": a line that begins the signature when little follows it."""
    found = _CLOSING.match(line[:160])
    if not found or len(line) > 160:
        return False
    rest = (found.group("rest") or "").strip(" ,.!;:*_-–—")
    # A name may follow on the line; a sentence may not («С уважением отношусь к вашей работе, но …»).
    return (
        len(rest.split()) <= 8
        and not re.search(r"[.!?]\s+\w", rest)
        and (not rest or not rest[0].islower() or _ONE_WORD.search(line) is not None)
    )


_ONE_WORD = re.compile(r",\s?[^\W\d_]{2,20}\W{0,2}$")  # «с уважением, иван»; two small words say something


def rule(line: str) -> bool:
    """A drawn line, however short; it belongs to the signature that follows it."""
    return bool(_RULE.match(line[:120])) and len(line) < 120


def footer(line: str) -> bool:
    """The underscores that list servers draw above what they add."""
    return line.startswith("_____") and not line.strip("_ ")


def of_a_list(line: str) -> bool:
    """What list servers write under their underscores."""
    return bool(_LIST.search(line[:300]))


def sentence(line: str) -> bool:
    """A question, a postscript, or six words and more with a full stop: text, whatever stands above it."""
    if line.endswith("?") or _POSTSCRIPT.match(line):
        return True
    return line.endswith((".", "!", "…")) and len(line.split()) >= 6 and not any(char.isdigit() for char in line)


def contact(line: str) -> bool:
    """A phone or an address standing nearly alone on its line."""
    return bool(_CONTACT.match(line[:80]))


def dashed_name(line: str) -> bool:
    """ "-Ivan" under a letter; Swedes write "/Anna"."""
    return len(line) < 80 and bool(_NAME.match(line))


_NO_NAME = re.compile(r"спасибо|помо|прошу|жду|срочно|ответ|дякую|thank|help|please|\w+(?:йте|ите|ьте)$", re.I)


def name(line: str) -> bool:
    """One to three words that all begin with a capital."""
    words = line.split()
    if len(words) == 1 and _NO_NAME.match(line):
        return False
    return 0 < len(words) <= 3 and all(
        word[0].isupper() and word.strip(".").isalpha() and (len(word) <= 3 or word[-1] != ".") for word in words
    )


def disclaimer(line: str) -> bool:
    """The first line of a notice on secrecy («Настоящее письмо является конфиденциальным и предназначено …»)."""
    if len(line) < 40 or not _DISCLAIMER.match(line[:120]):
        return False
    return bool(_SECRECY.search(line[:600]) and _MEANT_FOR.search(line[:600]))


def notice(line: str) -> bool:
    """A long line that lawyers or virus scanners add."""
    return bool(_NOTICE.search(line[:600]))
