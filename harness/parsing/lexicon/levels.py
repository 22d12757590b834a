"""Words for the levels of a scale: intensity, then quality (following the translations of the five ITU grades)."""

from __future__ import annotations

LEVELS: dict[str, list[str]] = {
    "very weak": [
        "very weak, very weakly, v weak, very wk, very week, verry weak, vry weak, vw",
        "extremely weak, exceptionally weak, really weak, very low, extremely low, very mild, very faint, very slight, "
        "very subtle, barely perceptible, barely noticeable",
        "muy débil, muy débilmente, muy leve, muy baja, muy bajo, sehr schwach, sehr schwache, sehr schwacher, "
        "sehr gering, sehr schwaches, sehr niedrig, très faible, très faibles, très faiblement",
        "muito fraco, muito fraca, molto debole, очень слабый, очень слабая, очень слабое, очень слабо",
        "非常弱, 很弱, 极弱, 極弱, 十分弱, 非常微弱, 很微弱, とても弱, 非常に弱, 大変弱, ごく弱, かなり弱, 极其微弱",
        "매우 약, 매우약, 아주 약",
    ],
    "weak": [
        "weak, weakly, weakness, mild, mildly, low, week",
        "débil, débiles, débilmente, leve, schwach, schwache, schwacher, schwaches, schwachen, gering, niedrig, "
        "faible, faibles, faiblement",
        "fraco, fraca, debole, слабый, слабая, слабое, слабо",
        "弱, 较弱, 較弱, 偏弱, 轻微, 輕微, 微弱, 弱い, やや弱",
        "약한, 약함, 약해, 약하",
    ],
    "moderate": [
        "moderate, moderately, modrate, moderat, moderte, medium, med, mod, middling, mid, average, mid-level, in the middle",
        "moderado, moderada, moderadamente, medio, media, intermedio, intermedia, mäßig, maessig, mäßige, mäßiger, "
        "mäßiges, moderate, moderater, moderates, mittel, mittlere, mittlerer, mittelstark, "
        "modéré, modérée, modérément, moyen, moyenne, moyennement",
        "moderato, moderata, medio, умеренный, умеренная, умеренное, умеренно, средний, средняя, среднее",
        "中等, 适中, 適中, 中度, 一般, 中等强度, 中程度, 中くらい, 普通, ほどほど, 适度, 中间",
        "보통, 중간",
    ],
    "strong": [
        "strong, strongly, high, stong, strog, storng, strng",
        "fuerte, fuertes, fuertemente, intensa, intenso, alta, alto, stark, starke, starker, starkes, starken, hoch, "
        "fort, forte, fortes, fortement, élevée, élevé",
        "forti, сильный, сильная, сильное, сильно",
        "强, 強, 较强, 較強, 偏强, 偏強, 强烈, 強烈, 強い, やや強, 比较强",
        "강한, 강함, 강해, 강하",
    ],
    "very strong": [
        "very strong, very strongly, v strong, very srong, very stong, verry strong, vry strong, very storng, vs",
        "extremely strong, exceptionally strong, really strong, incredibly strong, very high, extremely high, "
        "very intense, extremely intense, overwhelmingly strong, super strong",
        "muy fuerte, muy fuertes, muy intensa, muy intenso, muy alta, sehr stark, sehr starke, sehr starker, "
        "sehr starkes, sehr hoch, sehr intensiv, très fort, très forte, très fortement, très intense, très élevée",
        "muito forte, molto forte, очень сильный, очень сильная, очень сильное, очень сильно",
        "非常强, 非常強, 很强, 很強, 极强, 極強, 非常强烈, 非常強烈, 很强烈, 很強烈, 十分强烈, 极其强烈, 极为强烈, "
        "とても強, 非常に強, 大変強, かなり強, 极强烈",
        "매우 강, 매우강, 아주 강",
    ],
    "bad": [
        "bad, badly, baad, bda",
        "terrible, awful, horrible, dreadful, abysmal",
        "mala, malo, pésima, pésimo, muy mala, muy malo, schlecht, schlechte, schlechter, schlechtes, mauvais, mauvaise, "
        "très mauvaise, très mauvais",
        "ruim, péssima, cattiva, плохой, плохая, плохое, плохо",
        "劣, 很差, 非常差, 极差, 極差, 糟糕, 坏, 壞, 很糟, 悪い, 非常に悪い, とても悪い, 悪",
        "나쁨, 매우 나쁨",
    ],
    "poor": [
        "poor, poorly, pooor, por, below average, subpar",
        "pobre, deficiente, mediocre, dürftig, dürftige, mangelhaft, mangelhafte, médiocre",
        "差, 较差, 較差, 偏差, 不佳, やや悪い, 貧弱",
    ],
    "fair": [
        "fair, fairish, faire, fiar",
        "average, acceptable, passable, so so, okay quality, regular, aceptable, befriedigend, akzeptabel, ordentlich, "
        "mittelmäßig, mittelmäßige, passable, assez bon, assez bonne, correct, correcte, moyen, moyenne",
        "一般, 中等, 尚可, 普通, まあまあ, 还可以, 보통",
    ],
    "good": [
        "good, goood, gud, goood, godo",
        "buena, bueno, buenas, gut, gute, guter, gutes, bon, bonne, bonnes, boa, bom, buona, buono, хороший, хорошая, "
        "хорошее, хорошо",
        "良好, 好, 良, 不错, 不錯, 良い, よい, いい, 좋음, 좋은",
    ],
    "excellent": [
        "excellent, excelent, excellant, exellent, excellence, excellently",
        "outstanding, superb, exceptional, exceptional quality, top notch",
        "excelente, excelentes, ausgezeichnet, ausgezeichnete, hervorragend, hervorragende, exzellent, exzellente, "
        "excellente, excellents, eccellente, отличный, отличная, отличное, отлично",
        "优秀, 優秀, 极好, 極好, 优, 優, 非常好, 卓越, 出色, 极佳, 優れ, 素晴らし, すばらし, 非常に良い, とても良い, 최고",
    ],
}

NUMBER_WORDS: dict[str, int] = {
    word.strip(): number
    for number, words in {
        0: "zero, cero, null, zéro, 零",
        1: "one, uno, eins, un, 一",
        2: "two, dos, zwei, deux, 二, 两",
        3: "three, tres, drei, trois, 三",
        4: "four, cuatro, vier, quatre, 四",
        5: "five, cinco, fünf, fuenf, cinq, 五",
        6: "six, seis, sechs, 六",
        7: "seven, siete, sieben, sept, 七",
        8: "eight, ocho, acht, huit, 八",
        9: "nine, nueve, neun, neuf, 九",
        10: "ten, diez, zehn, dix, 十",
    }.items()
    for word in words.split(",")
}

# Words for the two pictures of a pair, and for a tie.
SIDES: dict[str, list[str]] = {
    "first": [
        "first, 1st, fist, frist",
        "former, leftmost, left hand, left, image one, picture one, photo one, face one, portrait one, option one, "
        "number one",
        "primera, primero, primer, izquierda, izquierdo, erste, erster, erstes, ersten, linke, linken, linkes, links, "
        "première, premier, gauche",
        "第一, 左, 一枚目, 1枚目, 最初, 一つ目, 1つ目, 左边, 左側, 前者, 左侧, 图一, 图1, 圖一, 圖1, 画像1, 첫 번째, 첫번째, 왼쪽",
    ],
    "second": [
        "second, 2nd, secnd, secound, seccond",
        "latter, rightmost, right hand, right, image two, picture two, photo two, face two, portrait two, option two, "
        "number two, last one",
        "segunda, segundo, derecha, derecho, zweite, zweiter, zweites, zweiten, rechte, rechten, rechtes, rechts, "
        "deuxième, seconde, droite",
        "第二, 右, 二枚目, 2枚目, 二つ目, 2つ目, 右边, 右側, 后者, 後者, 右侧, 图二, 图2, 圖二, 圖2, 画像2, 두 번째, 두번째, 오른쪽",
    ],
    "tie": [
        "tie, tied, draw, equal, equally, identical, same, both, no difference, neither is stronger, equivalent, alike, "
        "indistinguishable, on par, comparable, evenly matched, no clear difference, no noticeable difference",
        "empate, igual, iguales, ambas, ambos, gleich, gleichstand, unentschieden, beide, égal, égalité, égales, pareil, "
        "les deux, même",
        "一样, 一樣, 相同, 平局, 相等, 差不多, 同じ, 引き分け, 同程度, 同等, 무승부, 동일",
    ],
    "third": ["third, fourth, 3rd, 4th, image three, picture three, third one, none, 第三, 三枚目"],
}
