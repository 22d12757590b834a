from harness import Capability, Judge, JudgeReply


class Brightness(Judge):
    capabilities = frozenset({Capability.CHOICE})
    batch_size = 1  # one picture at a time: what fails, fails alone

    def judge(self, batch):
        for request in batch:
            options = sorted(request.question.options)
            light = request.images[0].image.convert("L").resize((1, 1)).getpixel((0, 0))
            yield JudgeReply(request.id, text=options[light * len(options) // 256])
