"""Grammar words that show what a clause does with an option: deny, prefer, answer, mention in passing."""

from __future__ import annotations

from enum import IntEnum, auto


class Tag(IntEnum):
    """Role of a word or phrase in a clause."""

    WORD = auto()  # any other word
    NUMBER = auto()
    PUNCT = auto()
    NEWLINE = auto()
    MENTION = auto()  # an option, under any name
    SKIP = auto()  # an option word in a different role, ignored
    FILLER = auto()  # no meaning here: articles, "clearly"
    JOIN = auto()  # and, or
    ALSO = auto()
    NOT = auto()  # denies what follows
    NOT_BEFORE = auto()  # denies what precedes it (Japanese, Korean)
    THAN = auto()  # sets aside what follows: "rather than"
    THAN_BEFORE = auto()  # sets aside what precedes
    BUT = auto()
    UNSURE = auto()  # "cannot tell"
    MAYBE = auto()
    AT_FIRST = auto()  # "at first glance", "although"
    IF = auto()
    ANSWER = auto()
    CONCLUDE = auto()
    CORRECT = auto()
    PREFER = auto()
    MINOR = auto()  # "a hint of"
    LISTING = auto()  # "options:", "between"
    TOPIC = auto()  # emotion, expression, intensity
    PERSON = auto()
    FEATURE = auto()  # eyes, brows
    LINK = auto()  # is, looks
    SUGGEST = auto()
    CAUSE = auto()  # because
    OTHER_KEY = auto()  # "confidence": its value answers another question
    OPEN = auto()  # a complete reply never ends with one of these


WORDS: dict[Tag, list[str]] = {
    Tag.FILLER: [
        "the, a, an, very, quite, so, clearly, definitely, certainly, obviously, evidently, simply, just, yes, ok, okay, "
        "sure, really, fairly, pretty, truly, of course, no doubt, without a doubt, without doubt, undoubtedly, "
        "no question, not surprisingly, well, here, extremely, highly, please, nothing but, none other than, fully, "
        "probably, likely, presumably, undeniably, unmistakably, absolutely, distinctly, sehr, muy, tres, bien, ganz, somewhat, rather, relatively, "
        "i believe, i think, imo, hmm, ja, oui, si, sí",
        "el, la, los, las, un, una, der, die, das, ein, eine, einen, le, les, une, du, de la, il, lo, o, "
        "の, を, に, 非常, 很, 十分, 好的, 嗯, とても, 非常に, 的, 了, 了一, 一个",
    ],
    Tag.JOIN: [
        "and, or, nor, y, e, u, ou, und, oder, et, und auch, 和, 或, 或者, 与, 與, 及, 以及, 还是, 還是, と, か, や, または, "
        "もしくは, それとも, あるいは, 跟, 或是, и, или, 또는, 혹은, and or, as well as, along with, mixed with, combined with, "
        "et aussi, als auch, ainsi que, así como, versus, vs, or maybe, or perhaps, or possibly, or even, or potentially, sowie, "
        "just as much as it is, as much as it is, just as much as, as much as, no less than, coupled with, accompanied by, bordering on, slash, および",
    ],
    Tag.ALSO: [
        "so is, so are, also, too, as well, additionally, equally, just as plausible, just as likely, just as possible, just as strong, just as much, "
        "just as well, just as good, every bit as, no less, simultaneously, también, auch, aussi, 也, 同时, 同時, また, 又, 兼, それに"
    ],
    Tag.NOT: [
        "nadie, niemand, nessuno, too strong a word, is a stretch, is an overstatement, would be a stretch, would be an overstatement, nor is it, nor is this, nor does it, nor do they, nor are they, nor is he, nor is she, nor does he, nor does she, nor do i, nor would i, nor can i, hesitate to, hesitant to, reluctant to, wary of, wouldn't go so far as, would not go so far as, stop short of, short of calling, not, no, never, without, neither, lacks, lack of, lacking, absence of, isn't, aren't, wasn't, weren't, doesn't, "
        "don't, didn't, can't, won't, couldn't, wouldn't, shouldn't, ain't, hasn't, haven't, cannot, isnt, doesnt, dont, "
        "arent, can not, no sign of, no signs of, rule out, rules out, ruled out, ruling out, far from, anything but, "
        "hardly, scarcely, excluding, except, free of, devoid of, eliminate, eliminates, nothing, none of, unlike, "
        "i can't say, i doubt, exclude, excludes, disagree, fails to, fail to, failed to, nobody would, no one would, nobody, contradicts, inconsistent with, incompatible with, nicht, "
        "opposite of, absent, missing, wrong, incorrect, excluded, is out, are out, is ruled out, off the table, less, does not fit, doesn't fit, ruling out, discard, discarded, not so much, not particularly, unlikely, less likely, non",
        "nada, ni, sin, nunca, tampoco, kein, keine, keinen, keiner, keinerlei, weder, noch, ohne, niemals, nie, "
        "ne, n', pas, ni, sans, jamais, aucun, aucune, nao, não, sem, nem, senza, né, не, ни, нет, без",
        "不, 没有, 沒有, 没, 并不, 並不, 不是, 并非, 並非, 非, 无, 無, 未, 不像, 不太, 并没有, 並沒有, 既不, 也不, 排除, 缺乏, 毫无, "
        "不属于, 不屬於, 不算, 안, 못",
    ],
    Tag.NOT_BEFORE: [
        "ではない, じゃない, ではなく, じゃなく, ではありません, じゃありません, くない, くありません, わけではない, わけではありません, "
        "ていない, ていません, とは言えない, とは言えません, でもない, もない, はない, がない, はなく, でもなく, でもありません, "
        "のではなく, のではない, のではありません, わけではなく, ていなく, そうではない, そうではありません, ようには見えない, ようには見えません, ように見えません, には見えません, "
        "には見えない, に見えない, は見られません, は見られない, は感じられ, ありません, ではなくて, 아니, 않, 없",
    ],
    Tag.THAN: [
        "beats, outweighs, trumps, prevails over, wins over, rather than, instead of, as opposed to, over, than, in place of, en lugar de, en vez de, más que, mas que, que no, "
        "statt, anstatt, anstelle von, als, eher als, plutôt que, plutot que, au lieu de, 而不是, 而非, 而不, 不是, 与其说, 與其說, "
        "比起, versus, more than, opposed to, compared to, compared with, in comparison to, вместо, чем, em vez de, invece di, "
        "not just, above, below, beyond, exceeds, exceeding, at least, at most, up to, no more than, greater than, higher than, lower than, less than, to distinguish from, distinct from, distinguish it from, as well be",
    ],
    Tag.THAN_BEFORE: ["よりも, というより, よりは, より, というよりも, というよりは, 보다"],
    Tag.BUT: [
        "but, however, yet, still, nevertheless, nonetheless, instead, pero, sino, sino que, sin embargo, aber, sondern, "
        "jedoch, doch, mais, cependant, toutefois, 但, 但是, 而是, 然而, 不过, 不過, 可是, 不如说, 不如說, しかし, ですが, "
        "けど, けれど, けれども, だが, むしろ, но, однако, а, ma, porém, 하지만, 그러나, whereas, while, that said, even so, "
        "though i, 更像是, でも",
    ],
    Tag.UNSURE: [
        "could not agree, couldn't agree, cannot agree, can't agree, not sure, unsure, uncertain, cannot tell, can't tell, hard to tell, hard to say, difficult to say, "
        "difficult to tell, unclear, not clear, cannot determine, can't determine, unable to, cannot decide, can't decide, "
        "can't say, cannot say, ambiguous, not certain, impossible to, not possible to, cannot be determined, "
        "difficult to determine, hard to determine, hard to decide, cannot identify, can't identify, cannot accurately, "
        "cannot definitively, torn between, cannot distinguish, can't distinguish, don't know, do not know, undecided, "
        "cannot provide, can't provide, cannot assess, can't assess, cannot assist, can't assist, not able to, "
        "inappropriate, irresponsible, speculation, speculative, speculate, speculating, inconclusive, indeterminate, no idea, no clue, beats me, who knows, for all i know, for all we know, hard to distinguish, difficult to distinguish, can't choose, cannot choose, "
        "won't, will not, refuse to, decline to, can't help, cannot help, cannot make, can't make, cannot infer, "
        "can't be determined, can not determine, can not tell, could not determine, couldn't determine, "
        "i'm unable, i am unable, "
        "can't see, cannot see, whether, toss up, tough call, hard to choose, difficult to choose, cannot rate, can't rate, "
        "cannot judge, can't judge, cannot classify, not enough information, equally likely, equally possible, "
        "equally plausible, 50 50, fifty fifty, no es posible, no puedo, no se puede, difícil de, no estoy seguro, "
        "no estoy segura, no sé, kann nicht, nicht sicher, schwer zu sagen, unklar, nicht möglich, unsicher, weiß nicht, "
        "ich bin mir nicht sicher, ne peux pas, ne sais pas, difficile à dire, difficile de, pas sûr, pas sûre, "
        "impossible de, impossible à, je ne peux pas, n'est pas possible",
        "不确定, 不確定, 无法判断, 無法判斷, 无法确定, 無法確定, 难以判断, 難以判斷, 不能确定, 无法识别, 無法識別, 很难说, 很難說, 不知道, "
        "看不出, 无法分辨, 难以确定, 無法, 无法, 难以区分, 难说, 不好说, わかりません, 分かりません, 判断できません, 判断できない, 不明, "
        "判別できません, できません, できない, わからない, 分からない, 難しい, 判断が難し, 特定できません, 是否, 不能判断, 알 수 없, "
        "모르겠, не могу, невозможно, трудно сказать, неясно",
    ],
    Tag.MAYBE: [
        "can't be excluded, cannot be excluded, can't be ruled out, cannot be ruled out, can't exclude, cannot exclude, can't rule out, "
        "cannot rule out, could be, might be, may be, can be, possibly, perhaps, maybe, could, might, may, potentially, conceivably, "
        "could also be, might also be, may also be, possible, tal vez, quizás, quizá, podría, podría ser, puede ser, "
        "puede, posiblemente, vielleicht, könnte, möglicherweise, eventuell, kann, peut être, peut-être, pourrait, "
        "pourrait être, possiblement, peut, 可能, 也许, 也許, 或许, 或許, かもしれません, かもしれない, かも, может быть, возможно, "
        "talvez, forse, potrebbe, potrebbe essere, potrebbe anche essere, 아마",
    ],
    Tag.AT_FIRST: [
        "minutes later, hours later, years later, moments later, seconds later, in the sequel, il titolo, la didascalia, il cartello, 作者说, 网友说, 记者说, 朋友说, 别人说, 大家说, 人们说, as a child, as a boy, as a girl, in his youth, in her youth, back then, years ago, yesterday, a moment ago, the day before, in those years, legend has it, rumor has it, rumour has it, word has it, majority vote, the majority vote, the original label, original label, the official label, official label, ground truth, the ground truth, gold label, the dataset label, the given label, dataset label, auf dem plakat, auf dem schild, die bildunterschrift, der titel, das plakat, la legende, la légende, le titre, l'affiche, el cartel, el título, la leyenda, el letrero, 写着, 写道, 标题是, 标题为, at first glance, at first, at first sight, initially, first impression, one might think, you might think, might seem, "
        "may seem, might appear, may appear, may look, might look, mistaken for, confused with, although, though, "
        "even though, despite, in spite of, could be mistaken for, considered, previous answer, previously, earlier answer, earlier i said, i said, i initially, original answer, first answer, initial answer, earlier i thought, i first thought,  i considered, i thought, "
        "first i thought, i was going to say, i was tempted, i was thinking, i almost said, might expect, you would expect, you'd expect, one would expect, my first thought, my initial thought, people might say, some might say, some would say, others would say, some say, some will say, some may, some might, some could, "
        "many viewers, some viewers, other viewers, many people, some people, other people, several people, many observers, some observers, "
        "other observers, most viewers, most people, many would, people might, viewers may, viewers might, someone might, someone else, the prompt says, the caption says, the caption reads, the title says, the text says, "
        "the text reads, the filename says, the file name says, the label says, you may interpret, you may read, you may call, you might interpret, you might read, you might call, you might say, you may say, you could call, you could read, one may, one might, one could call, one could read, one could say, you could say, previous image, previous picture, previous photo, previous portrait, last time, have called, has called, said it's, said that, said she, said he, said it, says that, claims, claimed, i take back, i withdraw, i retract, asked for, asked her, asked him, asked them, was asked, were asked, the title of, the title is, the caption of, the caption is, titled, entitled, you'd think, you would think, you could argue, one could argue, mistake to, mistake this for, mistake it for, mistake her for, mistake him for, misread as, misread this as, confuse this with, confuse it with, confused for, it could be argued, i first wrote, i wrote, i first said, "
        "others, 有人会说, 有人说, 有些人, 有的人, 有人认为, 有人可能, algunos, algunas personas, hay quien, manche, einige, mancher, certains, certaines personnes, 人によって, という人も, aunque, a primera vista, obwohl, auf den ersten blick, bien que, à première vue, au premier abord, "
        "虽然, 雖然, 尽管, 儘管, 乍一看, 乍看, 一見, 最初は, similar to, resembles, resembling, even if, used to, "
        "often confused with, hiding, hides, masking, masks, behind a, by some, to some, for some, on the surface, superficially, hesitated between, was tempted, zunächst, "
        "d'abord, not only, not just, not merely, no solo, nicht nur, non seulement, 不仅, 不僅, 不但, 不只",
    ],
    Tag.IF: [
        "it depends on, depends on, it depends, it takes, depending on, as long as, so long as, it'd take, it would take, it would need, that would take, in a different light, in another light, in a different context, in another context, in other contexts, in a different setting, in another setting, under different circumstances, in other circumstances, if, were this, were that, were he to, were she to, were they to, were it to, suppose, supposing, let's suppose, let's assume, let's say, assuming, assume, imagine, pretend, provided that, in case, were the, when someone, when people, when they are, when they're, when we are, when one is, when you are, when you're, when a person, people who, someone who, would be expected, "
        "would typically, would usually, would normally, would show, would have, typically, usually, in general, generally, "
        "normally, would expect, unless, had the, si la, si el, wenn, falls, 如果, 假如, もし, 若是, whenever, for example, "
        "had it, which would, that would, as in, such as, e g, "
        "for instance, eg",
    ],
    Tag.ANSWER: [
        "eliminates everything except, eliminates everything but, excludes everything except, excludes everything but, rules out everything except, rules out everything but, rules out all but, eliminates all but, sticking with my initial answer, stick with my initial answer, sticking to my initial answer, sticking with, stick with, i'd stick with, i'll stick with, staying with, i stay with, i'd put, i would put, i'd file, i would file, i'd estimate, i would estimate, i estimate, my first choice, my top choice, my top pick, my first pick, i'd bet on, i would bet on, i'd bet, i bet, my bet, my bet is, my money is on, answer, answer is, answer would be, final answer, the answer, my answer, the final answer, correct answer, "
        "best answer, right answer, final decision, final verdict, verdict, final choice, my choice, my pick, my final, choice is, "
        "i choose, i'd choose, i would choose, i pick, i'd pick, i would pick, i select, i'd select, i would select, "
        "i'd go with, i would go with, i'll go with, i will go with, go with, going with, i go with, go for, going for, i'd go for, i would go for, "
        "correct option, correct choice, best option, best choice, best match, best fit, "
        "chosen option, selected option, correct label, i'd answer, i would answer, i answer, i conclude, "
        "we can conclude, we conclude, i'd label, i would label, i'd classify, i would classify, classified as, "
        "categorized as, best described as, can be described as, best classified as, best categorized as, "
        "best characterized as, best labeled as, best represented by, most appropriate answer, "
        "final rating, my rating, i'd rate, i would rate, i rate, i'd give, i would give, i give, i'll give, rated as, "
        "rate it, rate this, rate the, rated, my vote, i vote, ans, output, prediction, predicted, i'd say, i would say, i'd call, "
        "settle on, settled on, settling on, i'm going with, i am going with, most fitting, most appropriate, best suited, "
        "fits best, best fits, the correct, correct one, conclusion, final label, final classification, response, my response, "
        "i'd put it at, i'd put this at, i guess, my guess, my best guess, best guess, i'd guess, i would guess, guess, my final answer, "
        "final score, overall rating, overall score, i'd describe, i would describe, solution, i'd lean, i would assign, i'd assign",
        "respuesta, la respuesta, respuesta final, la respuesta es, respuesta correcta, elijo, escojo, elegiría, diría que, "
        "opción correcta, antwort, die antwort, meine antwort, endgültige antwort, richtige antwort, ich wähle, "
        "ich würde sagen, réponse, la réponse, réponse finale, ma réponse, la réponse est, bonne réponse, je choisis, "
        "je dirais, je choisirais, resposta, risposta, a resposta, ответ, правильный ответ, 답, 정답, 답변, 답은",
        "答案, 答案是, 最终答案, 最終答案, 我选择, 我選擇, 我会选, 我選, 我选, 选择, 選擇, 应该选, 正确答案, 正確答案, 回答, 答, 选, 我认为, 我認為, "
        "答え, 答えは, 正解, 解答, 最終的な答え, 結果, 结果",
    ],
    Tag.CONCLUDE: [
        "ie, therefore, thus, hence, overall, in conclusion, to conclude, in summary, to summarize, to sum up, all in all, "
        "consequently, accordingly, ultimately, in the end, finally, taken together, altogether, on balance, "
        "based on this, based on these, so the, so this, so i, so it, so that, so my, so her, so his, putting it together, "
        "all things considered, considering all, in short, as a whole, summary, everything considered, on the whole, "
        "so overall, so she, so he, so they, final, "
        "por lo tanto, por tanto, en conclusión, en resumen, en general, así que, daher, also, deshalb, somit, insgesamt, "
        "folglich, zusammenfassend, donc, ainsi, en conclusion, par conséquent, globalement, en résumé, 因此, 所以, 综上, "
        "綜上, 综上所述, 綜上所述, 总的来说, 總的來說, 总体, 總體, 故, 总之, 由此, 综合来看, したがって, 従って, よって, つまり, だから, "
        "以上から, 総合的に, 以上より, 全体として, поэтому, итак, таким образом, portanto, quindi, 따라서, 그러므로",
    ],
    Tag.CORRECT: [
        "wait, hold on, let me rethink, let me think again, just kidding, kidding, that's not right, that is not right, that's not it, that's not correct, that is not correct, i meant, i mean to say, make that, let me rephrase, that's wrong, that is wrong, reconsidered, my error,  actually, correction, on second thought, on second thoughts, scratch that, let me correct, i mean, or rather, "
        "no wait, upon reflection, on reflection, upon closer inspection, on closer inspection, on closer look, "
        "looking closer, looking again, on a closer look, let me reconsider, reconsidering, i was wrong, i made a mistake, "
        "my mistake, i misspoke, let me revise, revised, revise, revised answer, updated answer, corrected answer, "
        "edit, i change, changing my answer, change my answer, i take that back, my bad, strike that, after reconsidering, "
        "corrected, looking more closely, upon second look, on second look, oops, apologies, "
        "de hecho, en realidad, corrección, corrijo, mejor dicho, espera, korrektur, tatsächlich, eigentlich, moment, "
        "besser gesagt, warte, en fait, correction, attendez, non attendez, pardon, en réalité, 更正, 等等, 其实, "
        "其實, 实际上, 實際上, 纠正, 不对, 不對, 修正, 再看, いや, 訂正, やはり, やっぱり, 待って, 実際は, いえ, на самом деле, "
        "поправка, на деле, na verdade, anzi, 정정, 아니다, 사실",
    ],
    Tag.PREFER: [
        "mostly, mainly, primarily, predominantly, largely, chiefly, leaning towards, leaning toward, leans towards, "
        "leans toward, lean towards, lean toward, leaning to, leaning, if i had to pick, if i had to choose, "
        "if i had to guess, if i have to choose, if i have to pick, if i must choose, if i must pick, if forced, if forced to choose, "
        "if pressed, if i were to choose, if i were to guess, if i were to pick, if you had to choose, if you force me, "
        "forced to choose, forced to pick, having to pick, having to choose, must pick, must choose, have to pick, had to pick, "
        "had to choose, have to choose, closest to, closer to, closest, nearest, most closely, most likely, more likely, more like, "
        "most resembles, stronger, more pronounced, more prominent, more evident, clearer, more dominant, dominant, dominates, predominant, primary, main, principal, strongest, prevailing, prevails, "
        "most prominent, most prominently, more of, above all, foremost, best matches, most consistent with, "
        "most accurately, i'd lean, i lean, i would lean, tends towards, tends toward, more, slightly more, most, tilts "
        "towards, edges towards, best, probable, stands out, the stronger, wins, prefer, i prefer, i'd prefer, "
        "principalmente, sobre todo, mayormente, más bien, me inclino por, más probable, predomina, predominante, más, "
        "si tuviera que elegir, hauptsächlich, vor allem, überwiegend, eher, am ehesten, tendiere zu, tendenziell, "
        "wenn ich wählen müsste, am wahrscheinlichsten, vorwiegend, principalement, surtout, plutôt de, si je devais choisir, "
        "je penche pour, majoritairement, plus probable, plutôt la, plutôt le, plutôt",
        "主要, 主要是, 更像, 倾向, 傾向, 倾向于, 偏向, 最可能, 更接近, 如果必须选, 如果一定要选, 如果非要选, 更多是, 更偏, 最接近, 多半, "
        "最有可能, 更可能, どちらかというと, どちらかといえば, 主に, 最も, 一番, 強いて言えば, あえて選ぶなら, おそらく, 最有, "
        "главным образом, скорее, преимущественно, в основном, principalmente, soprattutto, 주로, 가장",
    ],
    Tag.MINOR: [
        "second best, third choice, third guess, second option, my second, my third, my second choice, a distant second, a close second, hint of, hints of, touch of, trace of, traces of, slight, slightly, a bit, a bit of, bit of, a little, little, "
        "undertone of, undertones of, undercurrent of, some, tinged with, tinge of, elements of, element of, shade of, "
        "with some, mild sense of, subtle, a degree of, secondary, secondarily, second choice, second guess, runner up, "
        "secondary emotion, alternative, alternatives, alternatively, less so, lesser extent, other possible, other options, "
        "other option, dash of, sprinkle of, flicker of, suggestion of, second most likely, next most likely, "
        "close second, followed by, faint, glimmer of, un poco de, un poco, algo de, toque de, ligeramente, un matiz de, "
        "ein wenig, etwas, ein hauch von, ein hauch, leicht, leichte, leichter, un peu de, un peu, une touche de, "
        "légèrement, une pointe de, un soupçon de, 一丝, 一絲, 略带, 略帶, 带有, 有点, 有點, 略微, 些许, 些許, 稍微, 少し, "
        "やや, わずかに, 多少, 少々, немного, слегка, оттенок, um pouco, un po, 약간, 조금",
    ],
    Tag.LISTING: [
        "options, choices, between, among, out of, choose from, choosing from, one of, select from, the following, options are, "
        "candidates, categories, either, from the options, possible answers, possible emotions, available options, given options, "
        "scale, scale of, scale from, rating scale, ranging, ranges, range, of these, emotions like, emotions such as, such as, "
        "labels, levels, from, pick one, select one, choose one, various emotions, label set, "
        "opciones, entre, optionen, zwischen, möglichkeiten, opzioni, opções, 选项, 選項, 之间, 之間, 介于, 介於, 在, 从, 從, "
        "選択肢, 範囲, варианты, между, 보기",
    ],
    Tag.TOPIC: [
        "emotion, emotions, expression, feeling, feelings, mood, sentiment, polarity, affect, intensity, strength, degree, opt, "
        "level, quality, rating, score, emotional state, facial expression, state, category, class, label, classification, "
        "valence, tone of the emotion, grade, result, demeanor, impression, type, option, choice, letter, value, "
        "emoción, emociones, expresión, sentimiento, intensidad, calidad, nivel, opción, estado de ánimo, emoción principal, "
        "ausdruck, gesichtsausdruck, gefühl, stimmung, intensität, stärke, qualität, stufe, option, kategorie, "
        "émotion, sentiment, intensité, qualité, niveau, humeur, option, émotions, visage exprime, "
        "強さ, 强弱, 強弱, 情绪, 情緒, 表情, 情感, 心情, 感情, 强度, 強度, 质量, 質量, 程度, 选项, 等级, 評価, 品質, 気持ち, 感情は, レベル, 评分, 評分, "
        "эмоция, выражение, чувство, настроение, интенсивность, качество, emoção, emozione, espressione, 감정, 표정, 강도, 점수",
    ],
    Tag.PERSON: [
        "person, man, woman, boy, girl, child, he, she, they, it, face, individual, subject, portrait, image, picture, photo, "
        "character, figure, it's, he's, she's, they're, this, that's, there, there's, guy, lady, kid, people, someone, "
        "photograph, people's, her, his, their, person's, man's, woman's, overall look, toddler, baby, everyone, "
        "persona, hombre, mujer, rostro, cara, él, ella, imagen, foto, chica, chico, niño, niña, retrato, "
        "person, mann, frau, gesicht, er, sie, bild, junge, mädchen, foto, porträt, es, "
        "personne, homme, femme, visage, elle, image, garçon, fille, portrait, c'est, ce, "
        "人物, 他, 她, 男子, 女子, 男人, 女人, 图中, 圖中, 照片, 图片, 圖片, 画面, 這個人, 这个人, 这张, 這張, 图像, 人, 面部, 脸上, 臉上, 女孩, "
        "男孩, 彼, 彼女, 男性, 女性, 顔, 画像, 写真, この人, человек, мужчина, женщина, лицо, он, она, pessoa, homem, mulher, "
        "uomo, donna, volto, 사람, 인물, 그녀, 그는, 얼굴",
    ],
    Tag.FEATURE: [
        "sfondo, 背景, 光线, 光線, 灯光, 照明, fondo, iluminación, hintergrund, beleuchtung, fond, arrière plan, éclairage, eyes, eye, brow, brows, eyebrow, eyebrows, mouth, lips, lip, forehead, smile, smiles, smiling, teeth, cheeks, cheek, "
        "gaze, glare, glance, pout, grimace, sneer, jaw, jawline, posture, tears, tear, frown, frowns, frowning, features, nose, eyelids, chin, wrinkles, lines, "
        "grin, grinning, laugh, laughing, corners, head, body language, hands, shoulders, feature, muscles, movement, "
        "raised, furrowed, widened, downturned, light, shadows, lighting, composition, sharpness, focus, contrast, exposure, resolution, "
        "background, skin, hair, crying, squint, scowl, scowling, stare, clothes, color, colour, colors, colours, detail, details, texture, "
        "ojos, cejas, boca, labios, sonrisa, frente, mirada, augen, augenbrauen, brauen, mund, lippen, lächeln, stirn, blick, "
        "mundwinkel, yeux, sourcils, bouche, lèvres, sourire, front, regard, 眼睛, 眼, 眉毛, 眉头, 眉頭, 眉, 嘴巴, 嘴角, 嘴, 笑容, "
        "微笑, 皱眉, 皺眉, 眼神, 泪, 目, 口, 口元, 口角, 笑顔, 眼差し, 額, глаза, брови, рот, улыбка, губы, 눈, 입, 미소, 눈썹",
    ],
    Tag.LINK: [
        "could hardly look more, could hardly be more, couldn't be more, could not be more, couldn't look more, could not look more, can't be more, belongs to someone who, belongs to a person who, belongs to somebody who, is, are, was, look, looks, looking, seem, seems, seemed, appear, appears, appeared, feel, feels, feeling of, show, shows, "
        "showing, shown is, display, displays, displaying, convey, conveys, conveying, express, expresses, expressing, "
        "exhibit, exhibits, depict, depicts, depicting, portray, portrays, being, be, has, have, reads as, read as, reflects, "
        "falls in, falls into, falls within, falls at, falls on, comes across as, face of someone who, look of someone who, expression of someone who, face of a person who, shown, expressed, conveyed, depicted, represents, falls under, corresponds to, displayed, "
        "matches, reads, would be, experiencing, makes, make, leaves, "
        "es, está, parece, muestra, expresa, siente, refleja, se ve, luce, transmite, ist, wirkt, sieht, zeigt, scheint, "
        "drückt, fühlt, est, semble, parait, paraît, exprime, montre, a l'air, ressent, "
        "是, 为, 為, 显得, 顯得, 看起来, 看起來, 看上去, 感到, 表现, 表現, 显示, 顯示, 属于, 屬於, 呈现, 呈現, 似乎, 应该是, 應該是, 表达, 表達, "
        "です, でしょう, 見え, 示して, 表して, 感じ, だと, "
        "выглядит, выражает, кажется, это, é, è, sembra, parece estar, está, mostra, 입니다, 보입니다, 이다, 이에요",
    ],
    Tag.SUGGEST: [
        "blind not to see, can't hide, cannot hide, can't conceal, cannot conceal, can't contain, cannot contain, barely contain, barely hide, hardly hide, suggest, suggests, suggesting, indicate, indicates, indicating, indicative of, imply, implies, implying, "
        "associated with, typical of, signs of, sign of, consistent with, characteristic of, signal, signals, signaling, "
        "give away, gives away, betray, betrays, speak of, speaks of, hinting at, hints at, hint at, points to, pointing to, point to, denote, denotes, evoke, evokes, reminiscent of, cue, cues, "
        "common in, related to, linked to, tied to, used for, expression of, give a sense of, gives a sense of, "
        "sugiere, sugieren, indica, indican, deutet, deuten, hinweisen, suggère, suggèrent, indique, indiquent, "
        "暗示, 表明, 说明, 說明, 示唆, 思わせ, signe de, signo de, указывает, 나타냅",
    ],
    Tag.CAUSE: [
        "because, since, as, due, given, reason, reasoning, explanation, for, as the, as shown by, based, judging, justification, "
        "rationale, note, evidenced, porque, ya que, debido, denn, weil, da, aufgrund, car, parce que, parce qu, en raison, "
        "因为, 因為, 由于, 由於, 理由, なぜなら, から, ため, ので, потому что, так как, perché, 왜냐하면",
    ],
    Tag.OTHER_KEY: [
        "confidence, confidence level, confidence score, certainty, confianza, konfidenz, sicherheit, confiance, 置信度, 信心, "
        "信頼度, 確信度, probability, age, gender, ethnicity, difficulty, not chosen, rejected, rejected options, eliminated, quality of the lighting, "
        "incorrect options, wrong options, other emotions, difficulty level, distractor",
    ],
    Tag.OPEN: [
        "to, of, in, on, with, which, that, at, by, into, through, could, appears to, seems to, "
        "also, can, will, my, who, where, des, von, mit, que, con, avec, dans, qui",
    ],
}
