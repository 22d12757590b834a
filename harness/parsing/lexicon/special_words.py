"""Words that decide special cases inside a clause."""

from __future__ import annotations

from harness.parsing.clean import key


def _set(words: str) -> frozenset[str]:
    return frozenset(key(word) for word in words.split(","))


# Topics too broad to be the question itself.
BROAD_TOPICS = tuple(
    _set("expression, ausdruck, visage, 表情, state, demeanor, impression, tone, type, выражение, volto")
)
# After these, even a single option is only quoted from the question.
LIST_WORDS = _set(
    "options, choices, such as, emotions like, emotions such as, choose from, labels, possible emotions"
)
# A picture of a pair is chosen by comparison, not by description.
COMPARES = _set(
    "more, most, slightly more, greater, greatest, higher, highest, deeper, deepest, clearer, clearest, better, best, "
    "intense, intenser, más, mehr, stärker, stärkere, stärkste, plus, davantage, 更, 最, もっと, より, winner, wins"
)
PICTURES = _set(
    "image, picture, photo, portrait, face, person, one, photograph, imagen, bild, foto, 图, 图片"
)
# Statements about the light or the style of a picture do not describe the person.
ASPECTS = _set(
    "sfondo, colors, colours, color, colour, light, lighting, composition, sharpness, focus, contrast, exposure, resolution, background, shadows, "
    "背景, 光线, 光線, 灯光, 照明, fondo, iluminación, hintergrund, beleuchtung, fond, arrière plan, éclairage"
)
PERHAPS = _set(
    "maybe, perhaps, possibly, vielleicht, quizá, quizás, tal vez, peut, peut être, talvez, 可能, 也许, 也許, 或许, もしかして"
)
# Facial actions: the person remains the subject.
DOING = _set("smiling, crying, frowning, grinning, laughing, scowling")
OR = ("or", "oder", "ou", "o ", "或", "または", "还是")
# Words directly before a number that is a rating.
LEVEL_WORDS = _set(
    "#, from, a, about, approximately, around, as, at, be, by, grade, it, it's, level, niveau, nivel, "
    "no, number, of, option, roughly, stufe, that's, this, to, with, with a, 为, 强度, 打, 是, 等级, 级别, "
    "给"
)
# Nouns, apart from emotions, that a level may describe in a rating.
RATED_NOUNS = _set(
    "and, at, but, case, depicted, depiction, display, emoción, emotional, emotionale, "
    "emotionaler, emotionally, enough, example, facial, for, here, in, manifestation, on, one, "
    "outward, overall, portrayal, presence, reaction, response, sense, show, though, to, visible, "
    "with, yet"
)
PEOPLE = _set("person, man, woman, boy, girl, child, he, she, subject, individual, guy, lady, they")
# These introduce a condition ...
CONDITIONALS = _set(
    "if, were this, were that, were he to, were she to, were they to, were it to, suppose, supposing, it depends on, depends on, it depends, depending on, let's suppose, let's assume, assuming, assume, imagine, pretend, provided that, in case, were the, had the, had it, unless, si, si la, si el, wenn, falls, 如果, 假如, もし, 若是, whenever"
)
# ... but not together with these: "if you look at the brows", "if only one may be chosen".
NOT_CONDITIONAL = _set(
    "look, looking, consider, focus, zoom, compare, examine, judge, go by, choose, chosen, pick, select, answer, guess, one, "
    "forced, limited, must, options, option, honest, correct, observe, notice, mich, muss, tengo, dois, anything, wrong, mistaken, bet, ask, reading, interpret, recall, remember, understand, "
    "asked, rate, describe, label, name, classify, decide, settle"
)
# These describe faces in general.
IN_GENERAL = _set("typically, usually, in general, generally, normally, often, sometimes")
# Objects with text on them, and the verbs for it.
INSCRIBED = _set(
    "poster, sign, sticker, bubble, newspaper, magazine, plaque, placard, badge, bag, wall, door, fence, billboard, blackboard, wallpaper, name, graffiti, hoodie, jersey, apron, balloon, cake,  caption, text, shirt, t shirt, tshirt, banner, card, mug, cap, hat, book, title, prompt, filename, file, label, watermark, "
    "tag, metadata, logo, subtitle, meme, headline, tattoo, screen, board"
)
INSCRIBES = _set(
    "says, reads, saying, reading, written, states, spells, steht, stand, printed, named, titled, contains, called, word, words, keyword, keywords"
)
# These rank another option equal.
EQUALLY = ("equally", "just as", "no less", "every bit as")
# These retract an answer, whether or not another one follows.
RETRACTS = _set(
    "wait, no wait, that's wrong, that is wrong, i was wrong, scratch that, strike that, let me reconsider, let me rethink, let me think again, let me revise, "
    "i take that back, i made a mistake, my mistake, let me correct, on second thought, on second thoughts, hold on, 等等, 不对, 不對, "
    "待って, warte, espera, attendez, just kidding, kidding, that's not right, that is not right, that's not it, that's not correct, "
    "that is not correct"
)
# Nouns, apart from persons and features, that attribute an emotion to the person.
EMOTIVE_NOUNS = _set(
    "one, glow, air, vibe, appearance, manner, attitude, disposition, outlook, response, reaction, display, countenance, aura, "
    "outburst, moment, atmosphere, emotional, way, and, or, but, with, than, human, adult, teenager, case, set, about, over"
)
# After an emotion at the start of a sentence: a general definition.
DEFINES = _set(
    "characterized, characterised, defined, involves, means, refers, requires, needs, tends, tend, usually, often, commonly, generally, typically, frequently"
)
# These alone retract the answer before them ...
GIVES_UP = _set(
    "could not agree, couldn't agree, cannot agree, can't agree, cannot tell, can't tell, can't say, i can't say, cannot say, not able to, unable to, i'm unable, i am unable, no idea, no clue, "
    "cannot determine, can't determine, cannot decide, can't decide, don't know, do not know, beats me, cannot judge, can't judge, "
    "can't choose, cannot choose, undecided, who knows, cannot be determined, can't be determined, cannot assess, can't assess, "
    "no puedo, no sé, no lo sé, kann nicht, weiß nicht, ne sais pas, je ne peux pas, 不知道, 无法判断, 無法判斷, 无法确定, わかりません, 分かりません"
)
# ... and these may accompany them.
GIVES_UP_FILLERS = _set(
    "where, which one, settle, choose, pick, separate, distinguish, so, do so, tell, say, determine, judge, decide, answer, help, assist, honestly, really, actually, here, that, this, it, from, at, "
    "i, we, one, with, for, do, have, to, the truth is, frankly, simply, all, either, which, either way, anyway, decirlo, "
    "decir, es, nicht, sagen, ich, je, le, dire, das, sorry, afraid, am, i'm, be, me, any, provide, an"
)
# A blend with an emotion that is not an option names no option.
BLENDS = _set(
    "mix, mixture, blend, combination, mingling, mezcla, mischung, mélange, fusion, cocktail, mixed, half"
)
# A hidden face shows nothing, unless it is hidden only partly.
HIDDEN = _set("hidden, cropped, covered, obscured, invisible, unseen, concealed, blurred, blurry, masked")
PARTLY = _set("partly, partially, half, mostly, slightly, somewhat, lower, upper, little, bit, side, part")
# Words that may stand between a subject and the option asserted of it.
LEAD_WORDS = _set(
    "story, tale, feeling, i, i'd, i'm, i'll, we, you, say, says, saying, see, sees, notice, sense, tell, tells, telling, speaks, screams, exudes, radiates, "
    "maintains, emanates, emits, communicates, carries, wears, wearing, bears, holds, speak, argue, argues, show, like, me, to, looks, gives, giving, off, oozes, embodies, captures, "
    "registers, spells, reveals, demonstrates, presents, projects, manifests, signifies, illustrates, full, filled, going, "
    "inclined, choosing, choose, select, settle, agree, believe, find, settling, only, pure, genuine, intense, deep, clear, plain, "
    "utter, sheer, visible, evident, obvious, apparent, strong, mild, slightly, real, sincere, all, case, textbook, classic, assessment, inference, leaving, number, "
    "letter, anything, contrary, now, ask, easy, one's, one, macht, sich, air, would, will, been, become, became, gets, got, getting, "
    "overcome, consumed, struck, gripped, someone, somebody, look, total, complete, state, fit, fits, much, too, sort, kind, still, "
    "both, definite, outright, bewildered, mere, perfect, example, picture, image, portrait, moment, inner, quiet, deeply"
)
