"""Words that say nothing about a problem: by them no two requests are alike, and for lack of them none differ."""

from __future__ import annotations

import re

NEGATIONS = frozenset({"не", "нет", "ни", "нельзя", "no", "not", "cannot", "never", "без", "without"})

# From here to the end it is the signature.
CLOSINGS = re.compile(
    r"(?:с (?:глубоким )?уважением|с наилучшими|заранее (?:спасибо|благодар)|отправлено (?:с|из) |"
    r"(?:best|kind|warm) regards|yours (?:sincerely|faithfully|truly)|sincerely|thanks in advance|"
    r"thank you in advance|sent from my)"
)

_RUSSIAN = """
а без бы был была были было быть в вам вами вас весь во вот все всего всех вы где да даже для до его ее если есть
еще же за и из или им их к как какой ко когда кто ли либо меня мне много мной мог могу можем может можете мой моя
мое мои моего моей моему моих мы на над нам нас наш него нее ней нем них но ну о об однако он она они оно от очень
по под после потому почему при про с сам сама самого свой своего своей свою себе себя сейчас со так такая такие
такое такой там тебя тем теперь то тоже только тот ту ты у уж уже чем что чтобы чье эта эти это этого этой этом этот
эту я здравствуйте здраствуйте здрасте здравствуй приветствую привет добрый добрая доброе доброго день дня вечер
вечера утро утра ночи ночь суток время уважаемый уважаемая уважаемые служба поддержка поддержки поддержку поддержке
администрация специалист специалисты сотрудник сотрудники спасибо благодарю пожалуйста пожалуста плиз прошу просим
просьба помогите помочь помощь помощи подскажите скажите посмотрите разберитесь разобраться решить решите исправить
исправьте ответьте ответить ответ ответа ответили отвечает жду ждем ожидаю пишу писал писала обращаюсь обращался
обращалась обращение обращения обращению обращении повторно повторное повторяю снова опять заново вновь второй
третий четвертый первый раз раза разы пятый сих пор все-таки пока давно недавно сегодня вчера позавчера завтра утром
вечером днем ночью неделя неделю недели недель месяц месяца месяцев год года лет час часа часов минут минуты минуту
сутки дней дни понедельник вторник среда среду четверг пятница пятницу суббота субботу воскресенье января февраля
марта апреля мая июня июля августа сентября октября ноября декабря номер номера номером срочно срочный крайне итак
вообще просто короче именно также кстати наконец например извините никто никак никакого ничего нигде никакой никаких
тут здесь туда сюда рублей рубля рубль руб коп
"""
_ENGLISH = """
a about after again all already also am an and any are as at be because been before being but by can could did do
does done for from get got had has have he hello her here hi him his how i if in into is it its just me my now of on
once only or our out over please she since so some still than thank thanks that the their them then there these they
this those to today tomorrow too until up us very was we were what when where which while who why will with would
yesterday you your dear sir madam team support good morning afternoon evening day days week weeks month months year
hour hours minute minutes monday tuesday wednesday thursday friday saturday sunday january february march april may
june july august september october november december help urgent urgently ca wo asap waiting wait reply answer
response writing write wrote asking ask second third time times number rubles sorry yet anyone somebody nobody
regards request ticket
"""
FILLERS = frozenset((_RUSSIAN + _ENGLISH).split()) - NEGATIONS
