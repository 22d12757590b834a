"""Phrases in which an option word has a different meaning: "happy to help", "neutral background"."""

from __future__ import annotations

PHRASES: list[str] = [
    "may be wrong, might be wrong, could be wrong, may be mistaken, could be mistaken, i may be wrong, i might be wrong, i could be wrong, i may be mistaken, i might be mistaken, i could be mistaken, happy to, happy to help, i'd be happy to, i'm happy to, i am happy to, would be happy to, what a surprise, i'm glad, i am glad, glad you, glad to, i'd be glad to, be glad to, "
    "sad state of affairs, sorry state of affairs, happy birthday, happy new year, happy hour, delighted to, pleased to, my pleasure, with pleasure, feel free",
    "no emotion dominates, no emotion stands out, no emotion prevails, no emotion fits, no emotion matches, no emotion applies, no emotion is listed, no emotion label, no emotion labels, no emotion can, no emotion could, no emotion recognition, nothing in particular, nothing special, either way, i worry that, i worry, i'm worried, i am worried, i'm concerned, i am concerned, my concern, i'm sad, i am sad, "
    "i'm happy, i am happy, i'm surprised, i am surprised, i was surprised, i was happy, i was sad, i was worried, i was angry, i'm angry, i am angry, i'm furious, sadly, sad to say, it's sad that, it is sad that, i'm sad to, i'm afraid, i am afraid, afraid i, afraid not, "
    "afraid that i, unfortunately, i fear, sorry",
    "don't worry, do not worry, no worries, not to worry, no need to worry, never mind, as far as, concerns about, "
    "concern about privacy, privacy concerns, privacy concern, ethical concerns, out of concern, raise concerns, your concern, "
    "no surprise, no surprise that, surprisingly, unsurprisingly, not surprising, it's surprising, it is surprising, "
    "not surprised that, surprisingly enough, my surprise, surprise surprise",
    "i'm positive, i am positive, positive that, on a positive note, false positive, true positive, false negative, "
    "positive space, negative space, positively identify, positive identification, i'm mad, like mad",
    "to be fair, fair enough, fair skin, fair skinned, fair hair, fair haired, fair complexion, fair share, fair to say, fairly, "
    "good question, good day, good morning, good luck, good afternoon, good job, good evening, a good deal, good point, "
    "a good idea, a good look, good reason, "
    "in good faith, good to, good for, bad news, good news, too bad, not bad at all, excellent question, great question, good example, "
    "poor thing, poor guy, poor woman, poor man, better than, good sense, good indication, good indicator, good chance, "
    "fair amount, fair bit, bad idea, not a bad",
    "on the one hand, at first hand, first of all, first and foremost, first step, first thing, first name, first person, "
    "first i, first let, first we, first let's, firstly, secondly, need a second, give me a second, a second ago, in a second, take a second, for a second, a second look, second step, one second, "
    "on second, second thought, wait a second, just a second, per second, every second, the first thing, "
    "that's right, is right, you're right, right now, right away, all right, right there, right here, right answer, "
    "right choice, the right answer, the right choice, the right option, human rights, left over, is left, left with, "
    "i'm left, left out, first time, in first place, on the one, "
    "high resolution, high quality, high contrast, low light, low resolution, low quality, high angle, low angle, high key, "
    "low key, high confidence, low confidence, high definition, high cheekbones, low lighting, in low, medium shot, medium close up, "
    "medium length, medium brown, moderate confidence, medium confidence, average person, average looking, strong confidence, "
    "midday, mid shot, mid twenties, mid thirties, mid forties, low cut, high collar, high forehead, high level, at a high, "
    "in medium, on average, strong evidence, a strong case, strongly suggest, strongly suggests, strongly suggesting, "
    "strongly indicate, strongly indicates, strongly indicating, strong suggestion, weak evidence, strong possibility, "
    "strong likelihood, strong candidate, very strong evidence, strong reason, strongly believe, weak argument, strong argument, "
    "moderately sized, mild mannered, moderately confident",
    "很高兴为您, 很高興為您, 很高兴为你, 很高兴能, 很高兴帮, 很高興能, 高兴帮助, 很高兴回答, 别担心, 不用担心, 不要担心, 請不要擔心, "
    "喜んでお, 喜んで手伝, 中性背景, 中性色, 中立的背景, 中性的背景, 中性灰, 无奈, 没问题, 沒問題, 无论, 無論, 非常に残念, 不好意思, 好的, "
    "你好, 您好, 非常抱歉, 很抱歉, 左右, 一般来说, 一般而言, 一般來說, 无疑, 無疑, 毫无疑问, 从图, 从图中, 从图片, 从表情, 从面部, 在图, "
    "在图中, 在图片, 在这, 正在, 存在, 左眼, 右眼, 左边的眉, 人们, 令人, 不同, 不由, 不禁, 没关系, 其他人, 好像",
    "me alegra ayudar, feliz de ayudar, encantado de ayudar, me alegro de, lamentablemente, tristemente, no se preocupe, "
    "no te preocupes, sin duda, sin lugar a dudas, feliz cumpleaños, fondo neutro, ohne zweifel, zweifellos, keine sorge, "
    "leider, traurigerweise, gerne, neutraler hintergrund, neutralem hintergrund, neutralen hintergrund, sans doute, sans aucun doute, "
    "heureux de vous aider, heureuse de vous aider, ravi de vous aider, ne vous inquiétez pas, malheureusement, "
    "fond neutre, arrière plan neutre, heureux de, ravi de, tristement, no problem, sin problema, no obstante, "
    "pas de problème, kein problem, keine frage, guter letzt, "
    "gut sichtbar, gut erkennbar, gut zu erkennen, buena pregunta, gute frage, bonne question, guten tag, buenos días, bonjour",
]

# An option word directly before one of these describes that noun, not the person, the emotion or the picture.
DESCRIBED_NOUNS: dict[str, str] = {
    "neutral": "background, backdrop, tone, tones, color, colors, colour, colours, palette, lighting, light, setting, wall, "
    "clothing, grey, gray, shade, shades, position, stance, observer, assistant, outfit, clothes, environment, shirt, hue, "
    "colored, toned, studio, perspective, party, manner, surface, makeup, language, wording, pose, posture, attire, garment, facade, area, ground, space, tint, filter, undertone, undertones, camera, angle, head position, sweater, jacket, dress, coat, top, bokeh, curtain, scene",
    "strong": "light, lighting, contrast, jaw, jawline, shadow, shadows, color, colors, colour, colours, indication, indicator, "
    "indicators, cue, cues, sunlight, backlight, features, feature, sign, signs, chin, composition, focus, arms, build, "
    "cheekbones, brows, eyebrows, eye, signal, signals, correlation, background, resemblance, makeup, gaze, nose, hint, "
    "brow, clue, clues, lines, backlighting, wind, points, point",
    "weak": "light, lighting, contrast, shadow, shadows, sunlight, chin, signal, signals, indicator, cue, cues, composition, "
    "points, point, evidence, coffee, jaw, jawline",
    "moderate": "distance, lighting, light, contrast, resolution, size, exposure, length, shadows, depth, zoom, brightness",
    "good": "lighting, light, composition, contrast, color, colors, focus, detail, exposure, sharpness, thing, resolution, "
    "skin, posture, match, fit, eye, use, balance, framing, clarity of the background, people, person, guy",
    "bad": "lighting, light, angle, hair, posture, focus, day, mood, exposure, teeth, composition, guy, person",
    "poor": "lighting, light, contrast, focus, resolution, exposure, composition, posture, visibility, child, person, "
    "fit, match, framing, sharpness",
    "fair": "lighting, light, assessment, comparison, guess, question, judgment, judgement, evaluation, person, point",
    "excellent": "lighting, light, composition, contrast, focus, detail, details, color, colors, exposure, sharpness, question, "
    "example, resolution, framing, use",
    "positive": "space, attitude towards you, side, identification, test, proof, note",
    "negative": "space, side, test, film, image of the film",
    "sad": "news, song, movie, story, day",
    "happy": "place, hour, birthday, holidays, ending, medium",
    "angry": "birds, mob, bird",
    "surprise": "party, gift, test, attack, box",
    "first": "step, thing, impression, glance, sight, thought, look, place, time, name, person, point, question, note, clue, "
    "sign, half, and foremost, observation, line, instance, emotion, words, consideration, part",
    "second": "step, thing, thought, glance, look, place, time, person, point, question, note, clue, half, opinion, "
    "observation, guess, line, emotion, consideration, part, later, ago",
    "left": "eye, eyebrow, brow, cheek, corner, hand corner, ear, arm, shoulder, part, half, side of the face, side of the mouth, "
    "to, over, behind, nostril",
    "right": "eye, eyebrow, brow, cheek, corner, hand corner, ear, arm, shoulder, part, half, side of the face, "
    "side of the mouth, nostril, to, away, now, there, here, way, behind, before, after, thing, amount, kind, direction, "
    "decision, question",
}
