"""Answering machines that no header betrays: told by how they begin, by what they state, and by what they never do.

A machine states that somebody is away, until when, and whom to ask meanwhile, or that a letter arrived. It does not
ask, complain or want anything; a person who writes to a public service nearly always does. So wording alone decides
only where nothing is asked. All patterns are matched against lower case.
"""

from __future__ import annotations

import re

from normalizer.folding import has_any

_OPENING = 600  # characters in which a machine has said that it is one
_LOOKED_AT = 2500

# The words that programs put before the subject of the letter that they answer: sure, whatever follows.
_PREFIX = re.compile(
    r"^\W{0,3}(?:auto(?:matic|mated)? ?-?(?:reply|response|answer)|autoreply|autoresponder|auto-?antwort"
    r"|automatische (?:antwort|reactie|beantwoording)|automatisch(?:es)? antwoord|réponse automatique"
    r"|respuesta automática|risposta automatica|resposta automática|resposta automàtica|automatiskt? svar|autosvar"
    r"|odpowiedź automatyczna|automatyczna odpowiedź|autoodpowiedź|automatická odpověď|automatická odpoveď"
    r"|otomatik (?:yanıt|cevap)|automaattinen vastaus|automatikus válasz|abwesenheits(?:notiz|assistent)|abwesenheit"
    r"|absence du bureau|fuera de (?:la )?oficina|fuori (?:sede|ufficio)|fora do escritório|afwezigheidsbericht"
    r"|out[ -]of[ -](?:the )?office(?: (?:auto)?reply| autoreply| assistant|(?!\W*$))"
    r"|автоответ(?:чик)?|автоматический ответ|автоматическое (?:сообщение|уведомление)|авто-ответ"
    r"|автовідповід(?:ь|ач)|автоматична відповідь|аўтаматычны адказ|автоматты жауап|автоматичен отговор"
    r"|自动(?:回复|答复)|自動(?:返信|回覆|応答)|자동 (?:회신|응답))"
    r"(?:\s?[:：\])]|\s-\s|\s(?:re|на|от|auf|to|for|from|von)\b|\W{0,3}$)",
)
# Beside the subject of the letter that is answered: "Re: … (Automatic Response)".
_MARK = re.compile(
    r"[\[(](?:auto(?:matic|mated)?[ -]?(?:reply|response)|out of (?:the )?office|away from (?:my|the) (?:mail|office)"
    r"|автоответ(?:чик)?|автоматический ответ|нет на месте|в отпуске|automatyczna odpowied\w|automatische antwort"
    r"|réponse automatique|respuesta automática|request received|заявка получена)[\])]",
)
# A state of the writer as the whole subject, perhaps until when; behind other words people tell what happened to them.
_AWAY_SUBJECT = re.compile(
    r"^\W{0,3}(?:out[\s-]?of[\s-]?(?:the[\s-]?)?office(?: message| notice)?|ooo\b|(?:i am "
    r"|i'm )?(?:currently )?(?:on (?:vacation|holidays?|(?:\w+ )?leave)|out of (?:the )?office|away(?: from (?:my"
    r"|the) (?:mail|e-?mail|desk|office))?|out (?:sick|today))|vacation(?: (?:reply|notice|message|auto\w*))?"
    r"|(?:our )?office (?:is )?closed|gone fishing|(?:auto(?:matic|mated)?[\s-]?(?:re(?:ply|sponse|sponder)|antwort)"
    r"|autoreply)|this is an auto[\w-]* ?\w*|absen(?:ce|t)(?: du bureau)?|abwesend|urlaub|im urlaub|nicht im (?:büro"
    r"|haus)|en congés?|de vacaciones|fuera de (?:la )?oficina|in ferie|fuori (?:sede|ufficio)|de férias|afwezig"
    r"|frånvarande|poissa|nieobecno\w+|na urlopie|r[ée]ponse auto\w+|respuesta auto\w+|risposta auto\w+"
    r"|resposta auto\w+|不在|休假|부재 ?중"
    r"|(?:я |сейчас |временно |буду |нахожусь |меня ){0,3}(?:в (?:\w+ )?отпуске|отпуск"
    r"|в отсутствии|вне офиса|на больничном|в командировке|недоступ(?:ен|на)|отсутствую"
    r"|нет (?:на (?:рабочем )?месте|в офисе))"
    r"|каникулы|новогодние каникулы|автоответ(?:чик)?|автоматическ\w+ (?:ответ|сообщение|уведомление)"
    r"|(?:я )?у відпустці|відсутн(?:ій|я)|я ў водпуску)(?:\W{0,4}$|\W{1,3}(?:re|fwd?)\s?:|\s?[:–—(]|\s-\s"
    r"|.{0,25}\b(?:until|till|bis|jusqu|hasta|fino|до|back|return\w*)\b|.{0,6}\b(?:from|vom|ab|du|с|з|от|do|od"
    r"|am)\s.{0,6}\d)",
)
# «Иванов И.И. отсутствует в офисе (вернётся 15.07)», "A. Smith is out of the office."
_NOTES_SUBJECT = re.compile(
    r"^[^:]{3,60}\b(?:is (?:currently )?(?:out of (?:the )?office|away|on (?:vacation|leave))|отсутствует"
    r"|находится в (?:отпуске|командировке)|в отпуске до|вне офиса|ist (?:abwesend|außer haus|nicht im (?:büro|haus))"
    r"|est absente?|è fuori)(?:\W|$)",
)
_RECEIVED_SUBJECT = re.compile(
    r"^(?:\W{0,3}\[[^\]]{1,60}\])?[^a-zа-яіїєґ]{0,30}(?:(?:re:|ticket)[^a-zа-яіїєґ]{0,30})?"
    r"(?:(?:мы )?получили ваш|ваш[аеу]? (?:письмо|сообщение|обращение|заявка"
    r"|заявку|запрос|запит|лист|звернення|заявление)|(?:ваша )?заявка|(?:ваше )?обращение|спасибо за (?:ваш|обращ"
    r"|письм)|благодарим за|дякуємо за|thank(?:s| you) for (?:your|contacting)|(?:we(?:'ve| have)? )?received your"
    r"|your (?:request|message|e-?mail|ticket)|request received|ticket (?:received|created)|auto-?confirm|danke für"
    r"|vielen dank für|merci (?:de|pour)|gracias por|ihre (?:anfrage|nachricht)|eingangsbestätigung"
    r"|accusé de réception|подтверждение (?:получения|приема))",
)
_TICKET_SUBJECT = re.compile(
    r"\[[^\]]{0,60}(?:#|№|ticket|заявка)\s?[\w.-]{0,40}\d[^\]]{0,20}\]|^\W{0,3}\[?[a-z]{2,10}-\d{1,7}\b"
)

# The writer is away: at work, as people who write to us for themselves do not put it …
_OFFICE = re.compile(
    r"out of (?:the )?office|not in the office|\b(?:annual|maternity|parental|paternity) leave|(?:limited|no"
    r"|without) access to (?:my )?e-?mail|(?:no longer|have left).{0,30}(?:work|with|employ|compan|position)"
    r"|no longer works|(?:mailbox|inbox|account|address) is (?:no longer|not) (?:\w+ )?(?:use|monitor|active|read"
    r"|check)|(?:business|office|working) hours|(?:в|во) (?:ежегодном|очередном|декретном|учебном|трудовом|основном"
    r"|отпуске по уходу)|вне офиса|(?:нет|не будет) (?:на работе|на рабочем месте|в офисе|на месте)"
    r"|больше не (?:работа|использ)|офис (?:\w+ )?закрыт|(?:ограничен|нет)\w* доступ\w* к (?:почте|интернету)"
    r"|без доступа к (?:почте|интернету)|нерабочее время|рабочие часы|на каникулах|обязанности исполняет"
    r"|меня замещает|письмо не будет прочитано|\babwesend|nicht (?:im (?:büro|haus|dienst)|erreichbar)"
    r"|wieder (?:im (?:büro|haus)|erreichbar)|außer haus|absente?s? (?:du bureau|jusqu)|fuera de la oficina"
    r"|fuori (?:sede|ufficio)|fora do escritório|niet op kantoor|poza biurem|поза офісом",
)
# … or merely away.
_AWAY = re.compile(
    r"\b(?:i am|i'm|i will be|i'll be|currently|am) (?:\w+ )?(?:out of town|away|on (?:vacation|holidays?"
    r"|(?:\w+ )?leave|sabbatical|a business)|travell?ing|unavailable)|(?:office|we) (?:is|are|will be) closed"
    r"|not be (?:reading|checking|able to read)|will not (?:see|read) your|endeavou?r to re(?:ply|spond)|have left\b"
    r"|(?:^|\W)(?:нахожусь|буду|ухожу|я|мы|сейчас|временно|болею) (?:\S+ ){0,4}(?:в (?:\S+ )?отпуске|в командировке"
    r"|на больничном|на (?:обучении|конференции)|в отъезде|отсутств|недоступ)|(?:^|\W)(?:в отпуске|отсутствую\b)"
    r"|меня (?:\S+ )?(?:нет|не будет)\b|im urlaub|\ben congés?\b|(?:je suis|serai) (?:\w+ )?(?:absente?"
    r"|en (?:congés?|vacances|déplacement))|estoy (?:de vacaciones|fuera|ausente)|estaré (?:fuera|ausente|de)"
    r"|(?:sono|sarò) (?:\w+ )?(?:fuori|in ferie|assente)|(?:estou|estarei) (?:de férias|ausente|fora)|niet aanwezig"
    r"|(?:jestem|będę) (?:\w+ )?(?:na urlopie|nieobecn)|(?:у|в) відпустці|відсутн(?:ій|я)|мене (?:\S+ )?(?:немає"
    r"|не буде)|ў водпуску|демалыс",
)
_UNTIL = re.compile(
    r"\b(?:until|till|through|return(?:ing)?|back (?:on|in)|from .{1,20} to)\b|вернусь|возвращ|\bдо \d|\bдо (?:конца"
    r"|понед|втор|сред|четв|пятн|субб|воскр)|\bпосле \d|с \d{1,2}.{0,20}по \d|выхожу|буду \d|\bbis\b|\bab dem\b"
    r"|zurück|jusqu|retour|hasta|regres|fino al|rientr|\baté\b|повернусь|\bпо \d",
)
# Whom to ask meanwhile, or that an answer will come.
_INSTEAD = re.compile(
    r"(?:urgent|immediate|emergenc|assistance|in my absence|meantime).{0,120}(?:contact|call|write|e-?mail|reach)"
    r"|(?:срочн|неотложн|на время моего отсутствия|в мо[её] отсутствие|в период мо\w+ отсутств"
    r"|по (?:всем )?(?:\w+ )?(?:вопросам|делам)).{0,120}(?:обращ|звон|пиш|связ|адрес)|направляйте (?:письма|запросы)"
    r"|(?:меня )?замещает|обращайтесь|заместител|вместо меня|(?:dringend|notf|eilig).{0,120}(?:wenden|kontakt)"
    r"|nicht weitergeleitet|urgen\w+.{0,120}(?:contact|dirig|rivolg|contatt)|термінов.{0,120}(?:зверта|телефон)"
    r"|piln.{0,80}kontakt|will (?:respond|reply|get back|answer)|(?:respond|reply|get back) to (?:you|your)"
    r"|(?:отвечу|ответим|свяжусь|свяжемся)|(?:смогу|сможем) ответить|(?:проверяю|читаю) почту|antworte|répondrai"
    r"|responderé|risponderò|responderei|відповім|odpowiem",
    re.S,
)
_THANKS = re.compile(
    r"(?:thanks|thank you)[^.!\n]{0,20}? for (?:your? (?:e-?mail|message|mail|enquiry|inquiry|request)|contacting"
    r"|reaching|getting in touch|writing)|(?:спасибо|благодар\w+|дякую\w*) (?:\w+ )?за (?:ваше? )?(?:письмо|обращени"
    r"|сообщени|запрос|лист|звернення)|(?:vielen )?dank für ihre (?:nachricht|e-?mail|anfrage)|merci (?:de"
    r"|pour) votre|gracias por",
)
# What only a machine says of itself.
_ROBOT = re.compile(
    r"(?:это|данное|настоящее)\W{0,3}(?:письмо |сообщение |уведомление )?(?:\w+ )?(?:автоматическ\w+ (?:ответ"
    r"|сообщени|письмо|уведомлени|подтвержд)|автоответ|(?:было )?(?:создано|сформировано|сгенерировано"
    r"|отправлено) (?:\w+ )?автоматически)|(?:письмо|сообщение|ответ|уведомление) (?:было )?(?:создано|сформировано"
    r"|сгенерировано|отправлено|формируется) (?:\w+ )?автоматически|(?:пожалуйста|просьба"
    r"|просим)[^.\n]{0,20} не отвеча\w+ на (?:это|данное)|не отвечайте на (?:это|данное)|отвечать на (?:него"
    r"|это письмо|данное письмо) не (?:нужно|надо|требуется|следует)|не требует ответа|не нужно отвечать|(?:^"
    r"|\n)\W{0,3}(?:автоматический ответ|автоответ(?:чик)?|auto-?reply|automatic reply)(?:\W{0,3}(?:\n|$)|[)\].:!])"
    r"|це автоматичн\w+|не відповідайте на (?:це|цей)|лист (?:створено|сформовано) автоматично|this is an? (?:auto"
    r"|system)[- ]?(?:mat(?:ed|ic|ically)|generated|reply|response)|automat\w+ (?:generated|response to|reply to"
    r"|response from|acknowledg)|(?:please )?do not (?:reply|respond) to this|auto(?:mated|matic)?[- ]?(?:reply"
    r"|response) (?:message|to|from)|only notification you will|dies ist eine automatisch|automatisch (?:generiert"
    r"|erstellt|erzeugt)|ceci est une? (?:réponse|message) automatique|(?:mensaje|respuesta) (?:es )?autom[áa]tic"
    r"|(?:messaggio|risposta) automatic",
)
_RECEIVED = re.compile(
    r"we(?:'ve| have)? (?:received|got) your|(?:your|the) (?:e-?mail|message|request|enquiry|ticket"
    r"|letter)[^.\n]{0,40} (?:has been|was|is) (?:received|registered|logged|created|assigned|being)"
    r"|a (?:support )?ticket has been|we will (?:reply|respond|get back)|acknowledge that we have received"
    r"|creation of a (?:\w+ )?ticket|got your request|(?:мы |нами )?получ(?:или|ено|ена|ен) (?:ваш|и (?:обрабат"
    r"|будет|зарегистр|принят))|ваш[аеу]? (?:письмо|сообщение|обращение|заявк[ау]|запрос"
    r"|заявление)[^.\n]{0,40} (?:получен|принят|доставлен|зарегистрирован|обрабатыва|будет (?:рассмотр|прочит"
    r"|обработ))|ваш (?:запит|лист) (?:отримано|прийнято|зареєстровано)|(?:обращени[ею]|заявк[ае]"
    r"|запросу?) (?:присвоен|зарегистрирован)|ответим (?:вам )?(?:в (?:течение|ближайш|рабоч)|как можно)"
    r"|ihre (?:nachricht|anfrage|e-?mail) (?:wurde|haben|ist)|wir haben ihre|nous avons (?:bien )?reçu"
    r"|hemos recibido|abbiamo ricevuto",
)
# What a machine never does: ask, complain, want.
_ASKS = re.compile(
    r"\b(?!здравствуйте|(?:по)?звоните|напишите|пишите|направ|обра[тщ]|отвеча|ожидайте|извините|простите|дождит"
    r"|адрес|присыл|отправ|использу|пользуй|воспольз|учт|учит|имейте|заход|перейд|посет|оставь|сохран|будьте|сайте"
    r"|хотите|видите|сообщите|свяж|найдите|следите|смотрите|проверьте)[а-яё]{3,20}(?:йте|ите|ьте)\b|\bхотя\b"
    r"|вс[её] (?:ещ[её] )?нет\b|[?？]|\bпрошу (?!(?:\w+ ){0,2}(?:обращ|писать|звон|связ|направл|адрес|извин|прощ"
    r"|учесть|вас (?:обращ|писать|звон|связ)|не отвеч))|\b(?:требую|подскажите|помогите|помочь мне|объясните"
    r"|разберитесь|разъясните|поясните|ответьте|скажите|верните|пришлите|вышлите|исправьте|сделайте|примите меры"
    r"|соедините|почему|зачем|когда же|доколе|жалуюсь|возмущ|надоел|сколько можно|не (?!отвеч|нужно|надо|треб|след"
    r"|буд|смог|работ|имею|провер|пересыл|чита|являет|использ|доступ|обраб|позд|более|менее)[а-яё]{4,}|не могу"
    r"|(?<!больше )не работает|тишина|до сих пор|так и не|уже (?:месяц|недел|год|\d)|пересылаю|приду|привезу"
    r"|мне (?:при)?ш[её]?л|жду (?:ответ|вас|решен|втор|уже|реакц|звонк)|мне (?:нужн|надо|необходим|пришл|отказ|нечем"
    r"|звонит)|хочу|хотел(?:ось|а)?|мо[йеяю] (?:заявлен|обращен|документ|паспорт|вопрос|пенси|пособи|ребен|ребён|муж"
    r"|жен|мам)|подал|потерял|срок (?:вышел|истек|истёк)|направил[аи]?\b(?! ваше)|отклонили|но отвечаю|решён"
    r"|решен[ао]?\b|допоможіть|підкажіть|чому|не можу|не приходить|не працює)|\b(?:how (?:can|do|long|much)"
    r"|what (?:should|do|can|is)|where (?:is|can|do)|why|please (?:help|tell|advise|explain|send (?:me|it)|fix"
    r"|call me|let me know)|(?:could|can|would) you|i (?:can't|cannot|can not|need|want|would like|lost|have lost"
    r"|tried|applied|asked|paid)|(?:does not|doesn't|did not|didn't|is not) (?:work|arrive|open|accept)"
    r"|my (?:application|case|passport|account|benefit|pension|complaint|question|claim|son|daughter|husband|wife)"
    r"|not working|waiting for)\b|\b(?:ich (?:kann nicht|brauche|möchte)|bitte helfen|je (?:ne peux|voudrais)"
    r"|necesito)\b",
)


# Lotus Notes names the person: "AUTO: A. Smith is out of the office (returning 05/01)".
_NOTES = re.compile(
    r"^this is an auto|^\[auto[\w -]{0,12}\]|^(?:auto|авто)\s?: .{0,80}"
    r"(?:out of|away|returning|on (?:vacation|leave)|отсутств|отпуск|возвращ)"
)


_CITED = re.compile('«[^»]{1,300}»|"[^"\n]{1,300}"|“[^”]{1,300}”')
# What each pattern holds at least: a look that costs microseconds, for the letters that say nothing of it.
_STEMS: dict[re.Pattern[str], tuple[str, ...]] = {
    _OFFICE: (
        "office", "leave", "mail", "longer", "left", "hours", "inbox", "account", "address", "отпуск", "декретн",
        "ежегодн", "офис",
        "на работе", "рабочем месте", "на месте", "больше не", "закрыт", "ограничен", "доступа к", "нерабочее",
        "рабочие часы",
        "каникул", "обязанности", "замещает", "прочитано", "abwesend", "büro", "haus", "dienst", "erreichbar",
        "bureau", "jusqu",
        "oficina", "sede", "ufficio", "escritório", "kantoor", "biurem",
    ),
    _AWAY: (
        "town", "away", "vacation", "holiday", "leave", "sabbatical", "business", "travel", "unavailable", "closed",
        "not be ",
        "will not", "endeavo", "left", "отпуск", "командировк", "больничн", "обучении", "конференции", "отъезд",
        "отсутств",
        "недоступ", "меня ", "urlaub", "absent", "congé", "vacances", "déplacement", "estoy", "estaré", "fuori",
        "ferie", "assente",
        "férias", "ausente", "fora", "aanwezig", "urlopie", "nieobecn", "відпустці", "відсутн", "мене ", "водпуск",
        "демалыс",
    ),
    _ROBOT: (
        "автомат", "автоответ", "отвечать", "отвечайте", "требует ответа", "автоматичн", "відповідайте", "auto",
        "system", "do not re", "notification",
    ),
    _RECEIVED: (
        "received", "got your", "your ", "ticket", "we will", "получили", "получено", "получена", "получен ", "ваше ",
        "ваша ", "вашу ",
        "ваш ", "присвоен", "зарегистр", "ответим", "ihre ", "reçu", "recibido", "ricevuto",
    ),
    _THANKS: ("thank", "спасибо", "благодар", "дяку", "dank", "merci", "gracias"),
}  # fmt: skip


_INSTEAD_STEMS = (
    "urgen", "immediate", "emergenc", "assistance", "absence", "meantime", "срочн", "неотложн", "отсутств",
    "вопрос", "делам",
    "направл", "обращай", "замест", "замещ", "вместо", "dringend", "notf", "eilig", "weiterge", "термінов", "piln",
    "will ", "reply",
    "respond", "get back", "отве", "свяж", "почту", "antworte", "respond", "répond", "rispond", "відпов", "odpow",
)  # fmt: skip


def named(subject: str) -> bool:
    """Whether a subject has the words that programs put there, before or behind the subject that is answered."""
    subject = subject.lower()
    return bool(_PREFIX.match(subject) or _MARK.search(subject) or _NOTES.match(subject))


def states(subject: str, own: str, answers: bool, hinted: bool) -> bool:
    """Whether a letter states what answering machines do, and asks nothing.

    `own`: its words without what it quotes; `answers`: its header says that it answers another letter; `hinted`: its
    header says that a machine may have sent it.
    """
    subject = subject.lower()
    text = own[:_LOOKED_AT].lower()
    if has_any(text, ("«", '"', "“")):
        text = _CITED.sub(" ", text)
    opening = text[:_OPENING]
    away_subject = bool(_AWAY_SUBJECT.match(subject) or _NOTES_SUBJECT.match(subject))
    office, received, robot = _found(_OFFICE, opening), _found(_RECEIVED, opening), _found(_ROBOT, text)
    away, thanks = office or _found(_AWAY, opening), _found(_THANKS, opening)
    says = away_subject or away or robot or received
    instead = (says or hinted) and has_any(text, _INSTEAD_STEMS) and _INSTEAD.search(text) is not None
    if not (says or (hinted and (thanks or instead))):
        return False
    if _ASKS.search(text) or (away_subject and _ASKS.search(subject)):
        return False
    until = bool(_UNTIL.search(text))
    if hinted or (robot and (answers or received or away or thanks or subject.startswith("re:"))):
        return True
    if away_subject:
        return away or robot or until or bool(_UNTIL.search(subject)) or not text.strip()
    if received and (_RECEIVED_SUBJECT.match(subject) or _TICKET_SUBJECT.search(subject) or (answers and instead)):
        return True
    if not away:
        return False
    return (instead or (office and until)) if answers else (instead and until)


def _found(pattern: re.Pattern[str], low: str) -> bool:
    return has_any(low, _STEMS[pattern]) and pattern.search(low) is not None
