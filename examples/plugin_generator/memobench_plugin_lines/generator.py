import random

from harness import Generator, HarnessOptions, ImageReply, option

# How far the corners of the mouth, the inner and the outer ends of the brows are raised.
POSES = {
    "happy": (1.0, 0.0, 0.0),
    "sad": (-0.8, 0.8, -0.6),
    "angry": (-0.5, -1.0, 0.8),
    "surprise": (0.2, 1.0, 1.0),
    "worry": (-0.4, 1.0, -0.2),
}


class Lines(Generator):
    """Draws the emotion that is asked for, as strongly as it is asked for."""

    class Options(HarnessOptions):
        size: int = option(256, "side of an image in pixels", ge=64, le=1024)

    batch_size = 1

    def identity(self):
        return {"version": "1"}

    def generate(self, batch):
        for request in batch:
            yield ImageReply(request.id, self.draw(request))

    def draw(self, request):
        from PIL import Image, ImageDraw

        width, height = request.size or (self.options.size, self.options.size)
        noise = random.Random(request.seed)
        image = Image.new("RGB", (width, height), (noise.randrange(200, 256), 235, 240))
        draw, unit = ImageDraw.Draw(image), min(width, height) / 16

        def line(*points):
            places = [(width / 2 + x * unit, height / 2 + y * unit) for x, y in points]
            draw.line(places, fill=(40, 40, 50), width=max(2, round(unit / 3)), joint="curve")

        strength = 0.0 if request.emotion == "neutral" else (request.intensity or 4.0) / 5
        mouth, inner, outer = (strength * raised for raised in POSES.get(request.emotion, (0.0, 0.0, 0.0)))
        draw.ellipse(
            (width / 2 - 6 * unit, height / 2 - 7 * unit, width / 2 + 6 * unit, height / 2 + 7 * unit),
            fill="wheat",
        )
        for side in (-1, 1):
            line((side * 1.5, -3 - inner), (side * 3.5, -3 - outer))
            line((side * 2.5, -1.5), (side * 2.5, -0.5))
        line((-2.5, 3 - mouth), (-1, 3 + mouth / 2), (1, 3 + mouth / 2), (2.5, 3 - mouth))
        return image
