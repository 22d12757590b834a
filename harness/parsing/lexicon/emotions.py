"""Words for emotions and polarities, by family.

A family holds groups of synonyms; the first group is the family's own word with its inflections and common
misspellings. A family is used only for an option that belongs to it, so a word such as "fear" never counts as "worry"
unless the task declares it. Words are stored in normal spelling; accents, case and width are folded when the
vocabulary is built.
"""

from __future__ import annotations

FAMILIES: dict[str, list[str]] = {
    "happy": [
        "happy, happier, happiest, could not be happier, couldn't be happier, happiness, happily, hapy, happpy, hapyy, hppy, happy-looking, hapiness, happyness",
        "joy, joyful, joyfully, joyous, overjoyed, joyfulness, enjoyment, rejoicing",
        "glad, gladness, delighted, delight, cheerful, cheerfully, cheerfulness, cheery, merry, jolly, jubilant",
        "pleased, pleasure, elated, elation, blissful, bliss, ecstatic, gleeful, glee, jovial, contented, contentment",
        "looks content, seems content, appears content, feels content, amused, amusement",
        "feliz, felices, felicidad, contento, contenta, contentos, alegre, alegres, alegría, dichoso, dichosa",
        "glücklich, gluecklich, glückliche, glücklicher, glückliches, glücklichen, glück, fröhlich, fröhliche, "
        "fröhlicher, fröhliches, fröhlichen, fröhlichkeit, freude, freudig, froh, freudige, freudiger, freudigen",
        "heureux, heureuse, heureuses, joie, joyeux, joyeuse, bonheur, content, contente, ravi, ravie, gai, gaie",
        "felicidade, alegria, contente, felice, felici, felicità, gioia, gioioso, gioiosa, allegro, allegra",
        "счастье, счастлив, счастлива, счастливый, счастливая, счастливое, радость, радостный, радостная, рад, рада, "
        "радостное, радостным, радостной, счастливым, счастливой",
        "快乐, 快樂, 高兴, 高興, 开心, 開心, 喜悦, 喜悅, 幸福, 愉快, 愉悦, 愉悅, 欢乐, 歡樂, 欢喜, 歡喜, 欣喜, 欢快",
        "嬉し, うれし, 喜び, 喜ん, よろこび, 幸せ, しあわせ, 楽し, たのし, ハッピー",
        "행복, 기쁨, 기쁜, 기쁘, 즐거움, 즐거운, 즐겁",
        "😀, 😃, 😄, 😁, 😆, 😊, 🙂, 😂, 🤣, ☺, 😍, 🥰, 😸, 😺",
    ],
    "sad": [
        "sad, sadder, saddest, sadness, saddened, saad, sadd, sad-looking, saddness, sadnes",
        "unhappy, unhappiness, sorrow, sorrowful, grief, grieving, melancholy, melancholic, mournful, gloomy, gloom",
        "depressed, depression, dejected, despondent, downcast, heartbroken, miserable, misery, woeful, crestfallen",
        "disappointed, disappointment, tearful, disheartened, forlorn, downhearted",
        "triste, tristes, tristeza, infeliz, apenado, apenada, afligido, afligida, melancólico, melancólica",
        "traurig, traurige, trauriger, trauriges, traurigen, traurigkeit, trauer, unglücklich, betrübt, niedergeschlagen",
        "tristesse, malheureux, malheureuse, chagrin, peiné, peinée, attristé, attristée",
        "tristezza, malinconia, malinconico, malinconica",
        "грусть, грустный, грустная, грустное, грустно, грустит, грустным, грустной, печальным, печальной, печаль, печальный, печальная, печальное",
        "悲伤, 悲傷, 难过, 難過, 伤心, 傷心, 悲哀, 忧伤, 憂傷, 哀伤, 哀傷, 沮丧, 沮喪, 悲痛, 伤感",
        "悲し, 哀し, かなし, 悲嘆, 悲しみ",
        "슬픔, 슬픈, 슬프, 슬퍼, 우울",
        "😢, 😭, 😞, 😔, ☹, 🙁, 😿, 🥺",
    ],
    "angry": [
        "angry, angrier, angriest, anger, angrily, angered, angy, angery, angrey, anrgy, angry-looking, agry",
        "mad, furious, fury, enraged, rage, irate, livid, wrath, wrathful, outraged, outrage, infuriated, fuming",
        "annoyed, annoyance, irritated, irritation, frustrated, frustration, aggravated, hostile, hostility, pissed off",
        "enojado, enojada, enojados, enojo, enfadado, enfadada, enfado, enfadados, furioso, furiosa, ira, rabia, "
        "molesto, molesta, cólera, airado, airada",
        "wütend, wuetend, wütende, wütender, wütendes, wütenden, wut, zornig, zornige, zorniger, zornigen, zorn, ärger, "
        "verärgert, verärgerte, verärgerter, ärgerlich, sauer, böse",
        "fâché, fâchée, en colère, colère, furieux, furieuse, énervé, énervée, colérique, irrité, irritée",
        "raiva, zangado, zangada, irritado, irritada, bravo, brava, arrabbiato, arrabbiata, rabbia",
        "гнев, злой, злая, злость, сердитый, сердитая, сердитое, злится, злым, сердитым, сердитой, сердится, разгневан, зол, гневный, гневное",
        "愤怒, 憤怒, 生气, 生氣, 恼怒, 惱怒, 发怒, 發怒, 气愤, 氣憤, 恼火, 惱火, 怒气, 怒氣, 愤慨, 怒火",
        "怒り, 怒っ, 怒る, 怒りっぽ, いかり, おこっ, 腹立",
        "분노, 화난, 화남, 화가, 화났",
        "😠, 😡, 🤬, 😤, 👿, 💢",
    ],
    "surprise": [
        "surprise, surprised, surprises, surprising, suprise, suprised, surprized, surpise, surpised, surprise-looking, "
        "surpirse, surprice, suprized, suprisd, surprse, surprised-looking",
        "astonished, astonishment, astonishing, amazed, amazement, astounded, astound, stunned, startled, shocked, shock",
        "taken aback, flabbergasted, dumbfounded, awestruck, gobsmacked, thunderstruck",
        "sorpresa, sorprendido, sorprendida, sorprendidos, asombro, asombrado, asombrada, estupefacto",
        "überraschung, ueberraschung, überrascht, ueberrascht, überraschte, überraschter, überraschtes, überraschten, "
        "erstaunt, erstaunte, erstaunen, verblüfft, verwundert, staunen",
        "surpris, étonné, étonnée, étonnement, stupéfait, stupéfaite, stupeur, stupéfaction",
        "surpresa, surpreso, surpreendido, surpreendida, espantado, espantada, sorpreso, stupito, stupita, stupore",
        "удивление, удивлен, удивлён, удивлена, удивленный, удивлённый, удивленная, удивлённая, изумление, удивленное, удивленным, удивленной, удивления",
        "惊讶, 驚訝, 吃惊, 吃驚, 惊奇, 驚奇, 震惊, 震驚, 惊异, 驚異, 诧异, 詫異, 惊愕, 驚愕, 惊呆, 意外, 惊讶感",
        "驚き, 驚い, 驚く, おどろき, おどろい, びっくり, サプライズ, 驚か",
        "놀람, 놀란, 놀라, 놀랐",
        "😲, 😮, 😯, 🤯, 😳",
    ],
    "worry": [
        "worry, worried, worries, worrying, worrisome, worriedness, woried, worryed, wory, woory, worrry, worreid, "
        "worried-looking, wory, worrried, worrid",
        "anxious, anxiety, anxiously, anxiousness, concerned, concern, nervous, nervousness, uneasy, uneasiness, unease",
        "apprehensive, apprehension, fretful, stressed, distraught with worry",
        "preocupado, preocupada, preocupados, preocupación, preocupacion, inquieto, inquieta, inquietud, ansioso, ansiosa, "
        "ansiedad, angustiado, angustiada, nervioso, nerviosa",
        "besorgt, besorgte, besorgter, besorgtes, besorgten, sorge, sorgen, besorgnis, beunruhigt, beunruhigte, unruhig, "
        "nervös, sorgenvoll, sorgenvolle, sorgenvoller",
        "inquiet, inquiète, inquiétude, soucieux, soucieuse, souci, préoccupé, préoccupée, anxieux, anxieuse, anxiété, "
        "nerveux, nerveuse",
        "preocupação, inquietação, ansiedade, preoccupato, preoccupata, preoccupazione, ansia, ansioso",
        "беспокойство, обеспокоен, обеспокоена, тревога, тревожный, тревожная, тревожное, волнение, обеспокоенный, обеспокоенным, встревоженным, "
        "встревожен, встревожена",
        "担心, 擔心, 担忧, 擔憂, 忧虑, 憂慮, 焦虑, 焦慮, 不安, 忧心, 憂心, 发愁, 發愁, 愁",
        "心配, 気がかり, しんぱい, 憂い, ふあん, 懸念",
        "걱정, 불안, 염려",
        "😟, 😰, 😥, 😧",
    ],
    "neutral": [
        "neutral, neutrality, neutrally, neutrl, nuetral, netural, nutral, neutal, neurtal, nuteral, neutral-looking",
        "expressionless, emotionless, impassive, deadpan, unemotional, poker faced, poker face, stoic, indifferent, "
        "dispassionate, blank expression, blank face, blank stare, blank look, no emotion, no expression, "
        "without emotion, without expression, lack of emotion, lacks emotion, absence of emotion",
        "neutro, neutra, neutros, neutras, neutralidad, inexpresivo, inexpresiva, indiferente, impasible, sin emoción, "
        "sin expresión",
        "neutrale, neutraler, neutrales, neutralen, ausdruckslos, ausdruckslose, ausdrucksloser, emotionslos, "
        "gleichgültig, neutralität",
        "neutre, neutres, neutralité, impassible, inexpressif, inexpressive, indifférent, indifférente, sans expression, "
        "sans émotion",
        "neutralidade, neutralità, inespressivo, inespressiva",
        "нейтральный, нейтральная, нейтральное, нейтрально, нейтральным, нейтральной, нейтрален, нейтральна, нейтральность",
        "中性, 中立, 无表情, 無表情, 面无表情, 面無表情, 没有表情, 平淡, 没有情绪, 無情緒",
        "ニュートラル, 真顔, 無感情",
        "중립, 무표정",
        "😐, 😶, 😑",
    ],
    "fear": [
        "fear, fearful, fears, afraid, scared, frightened, terrified, terror, frightful, horrified, horror, panic, dread",
        "miedo, asustado, asustada, temor, angst, ängstlich, verängstigt, furcht, peur, apeuré, apeurée, effrayé, effrayée",
        "恐惧, 恐懼, 害怕, 恐慌, 恐怖, 怖い, 恐れ, 두려움, 공포",
        "😨, 😱",
    ],
    "disgust": [
        "disgust, disgusted, disgusting, revulsion, repulsed, repulsion, revolted, asco, asqueado, ekel, angewidert",
        "dégoût, dégoûté, dégoûtée, 厌恶, 厭惡, 嫌恶, 嫌惡, 嫌悪, 恶心, 혐오",
        "🤢, 🤮",
    ],
    "contempt": [
        "contempt, contemptuous, disdain, disdainful, scorn, scornful, desprecio, verachtung, verächtlich, mépris",
        "蔑视, 蔑視, 轻蔑, 輕蔑, 軽蔑, 경멸",
    ],
    "calm": [
        "calm, calmness, calmly, calmer",
        "serene, serenity, peaceful, tranquil, tranquility, relaxed, composed",
        "tranquilo, tranquila, sereno, serena, ruhig, ruhige, gelassen, calme, serein, sereine, paisible, 平静, 平靜, "
        "冷静, 冷靜, 落ち着, 穏やか, 차분",
    ],
    "excited": [
        "excited, excitement, exciting, excitedly",
        "thrilled, exhilarated, emocionado, emocionada, aufgeregt, begeistert, excité, excitée, 兴奋, 興奮, 흥분",
    ],
    "positive": [
        "positive, positively, positivity, postive, positve, possitive, postitive, pos",
        "positivo, positiva, positiv, positiver, positives, positiven, positif, positifs, positividad",
        "положительный, положительная, положительное, позитивный, позитивная, позитивное",
        "积极, 積極, 正面, 正向, 积极的, ポジティブ, 肯定的, 前向き, 긍정, 긍정적",
    ],
    "negative": [
        "negative, negatively, negativity, negitive, negtive, negativ, neg",
        "negativo, negativa, negativer, negatives, negativen, négatif, négatifs, négative, negatividad",
        "отрицательный, отрицательная, отрицательное, негативный, негативная, негативное",
        "消极, 消極, 负面, 負面, 负向, 負向, ネガティブ, 否定的, 부정, 부정적",
    ],
}

# Number of leading groups of each family that are English.
ENGLISH: dict[str, int] = {"happy": 5, "sad": 4, "angry": 3, "surprise": 3, "worry": 3, "neutral": 2}

# Words that fit several families: used only if exactly one of these is among the options.
AMBIGUOUS: dict[str, tuple[str, ...]] = {
    "upset": ("sad", "angry", "worry", "negative"),
    "distressed": ("sad", "worry", "negative"),
    "distress": ("sad", "worry", "negative"),
    "troubled": ("sad", "worry", "negative"),
    "content": ("happy", "neutral", "calm"),
    "smiley": ("happy",),
    "thrilled": ("happy", "surprise", "excited"),
    "excited": ("happy", "surprise", "excited"),
}
