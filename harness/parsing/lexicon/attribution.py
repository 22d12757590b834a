"""Words that attribute a statement to somebody else: sources and their verbs."""

from __future__ import annotations

from harness.parsing.clean import key


def _set(words: str) -> frozenset[str]:
    return frozenset(key(word) for word in words.split(","))


SOURCES = _set(
    "training, archive, catalogue, catalog, collection, gallery, app, others, coworker, coworkers, boss, teacher, classmate, therapist, keyword, keywords, viewer, viewers, observer, observers, annotator, annotators, rater, raters, labeler, labelers, critic, critics, "
    "onlooker, onlookers, audience, reader, readers, user, users, uploader, photographer, artist, painter, expert, experts, "
    "colleague, colleagues, friend, friends, reviewer, reviewers, caption, captions, title, filename, metadata, dataset, "
    "datasets, corpus, database, benchmark, article, description, alt, tag, tags, prompt, source, sources, website, "
    "websites, internet, classifier, classifiers, detector, software, algorithm, algorithms, tool, tools, psychologist, "
    "psychologists, researcher, researchers, study, studies, literature, research, commenter, commenters, stranger, "
    "entry, wikipedia, ad, advert, chatgpt, gpt, claude, gemini, model, models, author, authors, respondents, participants, crowdworkers, textbooks, textbook, annotation, annotations"
)
ATTRIBUTES = _set(
    "say, says, said, state, states, stated, claim, claims, claimed, call, calls, called, label, labels, labelled, labeled, "
    "tag, tags, tagged, describe, describes, described, read, reads, expect, expects, expected, want, wants, wanted, "
    "think, thinks, thought, believe, believes, believed, suggest, suggests, suggested, interpret, interprets, interpreted, insist, "
    "insists, insisted, suspect, suspects, assume, assumes, assumed, write, writes, wrote, lists, listed, mark, marks, marked, "
    "report, reports, reported, voted, vote, picked, pick, picks, chose, choose, answer, answered, mention, mentions, mentioned, "
    "find, finds, found, classified, detected, recognised, recognized, predicts, predicted, contains, contain, contained, includes, features, ask, asks, requests, requested, demands, requires, specifies, specified, considered, considers, convinced, adamant, thinks, gave, give, gives, assigned, scored, argue, argues, argued, hints, hinted, names, named, identify, identifies, identified, prefer, preferred, rated"
)
NAMED = _set("captioned, subtitled, headlined, called, known, nicknamed, dubbed, so called, titled, entitled")
RECORDS = _set(
    "dataset, datasets, corpus, database, caption, metadata, article, description, benchmark, annotation, annotations, title, prompt"
)
MODALS = _set("would, might, may, could, will, can, 'd")
FILED = _set(
    "labelled, labeled, tagged, captioned, annotated, filed, catalogued, described, marked, listed, classified"
)
HABITS = _set(
    "often, commonly, frequently, usually, typically, sometimes, generally, originally, previously, already, apparently, "
    "reportedly, regularly, always"
)
SPEAKERS = _set("i, i'd, i'm, i'll, my answer, i would say, i'd say, i would call, i'd call, i'd go with")
# A statement is somebody else's unless the reply itself or the face makes it.
SPEECH_VERBS = _set(
    "say, says, said, told, claims, claimed, mentions, mentioned, wrote, writes, reported, reports, describes, described, describe, explains, explained, written, scribbled, scrawled, nannte, nennt, sagt, sagte, dice, dicen, dijo, disent, called, calls, insists, swears, admits, sings, shouts"
)
OWN_SUBJECTS = _set(
    "other, half, part, id, i, i'd, i'll, i'm, we, we'd, let's, let, it, this, that, which, all, everything, face, portrait, image, picture, photo, body, "
    "expression, look, gesicht, cara, rostro, visage, volto, mirada, blick, nothing, something, what, gut, instinct"
)
VERDICTS = _set(
    "comment, words, review, opinion, statement, output, label, rating, score, verdict, prediction, predicted, guess, answer, choice, vote, response, result"
)
WORKS = _set(
    "song, book, movie, film, album, novel, poem, band, brand, magazine, series, café, cafe, shop, hotel, restaurant, track, "
    "comic, cartoon, tag, keyword, keywords, hashtag, slogan, motto, username, nickname, headline, title"
)
# Relatives and companions are different people if they follow a possessive.
KIN = _set(
    "mother, father, husband, wife, son, daughter, brother, sister, friend, friends, mom, dad, parents, children, kids, companion, "
    "companions, partner, colleague, boyfriend, girlfriend, teacher, boss, neighbor, neighbour, dog, cat, puppy, horse, doll, teddy, "
    "grandmother, grandfather, owner, team, bruder, schwester, mutter, vater, freund, freundin, madre, padre, hermano, hermana, hijo, hija, amigo, amiga, mere, pere, frere, fratello, sorella, amico, audience, teammates, fans, family"
)
EVERYONE = _set(
    "everyone, everybody, someone, somebody, anyone, nobody, people, persons, person, man, woman, boy, girl, guests, men, women, child, children, kid, kids, guy"
)
DIRECTED = _set(
    "said, believed, rumored, rumoured, reputed, alleged, reported, presumed, instructed, told, asked, directed, supposed, trying, tries, tried, pretending, pretends, wants, wanted, trained, paid, "
    "expected, hired, posing, posed, hoping, meant"
)
SEEMS = _set("look, be, appear, seem, act, have, play, feel, show, display, express")
