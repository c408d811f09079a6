"""Concepts: what Kit knows best, with the nouns a person would type for each.

A line of `CORE` is "emojibase label: nouns; natural colour; flags". Flag `c`: may be painted in another colour;
`m`: a mass noun or plural, without an article. Concepts outside `CORE` are a tail with their label and keywords.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CORE: Final = """
red heart: heart; red; c
fox: fox; orange; c
cat face: cat, kitten, cat face, kitty; yellow; c
dog face: dog, puppy, dog face; brown; c
frog: frog, toad; green; c
panda: panda, panda bear;;
koala: koala; grey;
lion: lion; ;
tiger face: tiger; orange;
bear: bear, brown bear; brown; c
polar bear: polar bear; white;
rabbit face: rabbit, bunny, hare; ;
mouse face: mouse; grey;
hamster: hamster; ;
monkey face: monkey, chimp; brown;
pig face: pig, piglet; pink; c
cow face: cow; ;
horse face: horse; brown; c
unicorn: unicorn; white;
wolf: wolf; grey;
raccoon: raccoon; grey;
elephant: elephant; grey;
giraffe: giraffe; yellow;
penguin: penguin; ;
owl: owl; brown;
duck: duck; ;
chicken: chicken, hen; ;
baby chick: chick, baby chick; yellow; c
bird: bird; ; c
parrot: parrot; ;
flamingo: flamingo; pink;
turtle: turtle, tortoise; green; c
snake: snake; green; c
crocodile: crocodile, alligator; green; c
dragon face: dragon; green; c
t-rex: dinosaur, t-rex; green; c
whale: whale; blue; c
dolphin: dolphin; blue;
shark: shark; grey;
octopus: octopus; pink; c
crab: crab; red; c
fish: fish; ; c
tropical fish: tropical fish; ;
butterfly: butterfly; ; c
honeybee: bee, honeybee; yellow;
lady beetle: ladybug, ladybird; red; c
snail: snail; ;
spider: spider; black;
rose: rose; red; c
tulip: tulip; pink; c
sunflower: sunflower; yellow;
cherry blossom: cherry blossom, pink flower; pink;
hibiscus: hibiscus, flower; pink; c
cactus: cactus; green;
evergreen tree: fir tree, pine tree, evergreen tree; green;
deciduous tree: tree; green; c
palm tree: palm tree; green;
christmas tree: christmas tree; green;
maple leaf: maple leaf, autumn leaf; red; c
four leaf clover: four leaf clover, clover; green;
mushroom: mushroom, toadstool; red; c
red apple: apple; red; c
green apple: green apple; ;
pear: pear; green; c
banana: banana; yellow;
strawberry: strawberry; red; c
cherries: cherries; red; m
grapes: grapes; purple; cm
watermelon: watermelon; red;
lemon: lemon; yellow;
tangerine: orange, tangerine; orange;
peach: peach; pink;
pineapple: pineapple; ;
avocado: avocado; green;
carrot: carrot; orange;
tomato: tomato; red; c
eggplant: eggplant, aubergine; purple;
hot pepper: chili, hot pepper, chili pepper; red; c
pizza: pizza, slice of pizza; ;
hamburger: hamburger, burger, cheeseburger; ;
french fries: french fries, fries; ; m
hot dog: hot dog; ;
taco: taco; ;
sushi: sushi; ; m
bread: bread, loaf of bread; brown; m
croissant: croissant; brown;
cheese wedge: cheese, piece of cheese; yellow; m
egg: egg; ; c
cooking: fried egg; ;
ice cream: ice cream; ; m
soft ice cream: soft ice cream, ice cream cone; white;
doughnut: donut, doughnut; pink; c
cookie: cookie; brown;
birthday cake: cake, birthday cake; ;
cupcake: cupcake, muffin; pink; c
lollipop: lollipop; ;
hot beverage: cup of coffee, cup of tea, coffee; ;
beer mug: beer, mug of beer; yellow;
wine glass: glass of wine, wine glass; red;
house: house, home, cottage; ;
castle: castle; ;
tent: tent; ;
automobile: car, automobile; red; c
taxi: taxi, cab; yellow;
bus: bus; ; c
police car: police car; blue;
fire engine: fire truck, fire engine; red;
locomotive: steam train, locomotive, train; black;
tractor: tractor; ; c
bicycle: bicycle, bike; ; c
motor scooter: scooter, motor scooter; ; c
airplane: airplane, plane; ;
helicopter: helicopter; ; c
rocket: rocket, spaceship; ;
flying saucer: ufo, flying saucer; ;
sailboat: sailboat, sailing boat, boat; ;
ship: ship; ;
sun: sun; yellow;
full moon: moon, full moon; yellow;
crescent moon: crescent moon; yellow;
star: star; yellow; c
cloud: cloud; ;
rainbow: rainbow; ;
umbrella: umbrella; purple; c
snowman: snowman; white;
snowflake: snowflake; blue;
fire: fire, flame; orange; cm
droplet: drop of water, water drop; blue; c
volcano: volcano; ;
mountain: mountain; ;
balloon: balloon; red; c
wrapped gift: gift, present, gift box; ; c
teddy bear: teddy bear; brown; c
trophy: trophy, golden cup; yellow;
soccer ball: soccer ball, football; ;
basketball: basketball; orange; c
guitar: guitar; ; c
trumpet: trumpet; yellow;
drum: drum; red; c
violin: violin; brown;
crown: crown; yellow; c
top hat: top hat, hat; black;
t-shirt: t-shirt, shirt; ; c
dress: dress; blue; c
glasses: glasses, eyeglasses; ; m
backpack: backpack, rucksack; red; c
gem stone: diamond, gem; blue; c
ring: ring; ;
key: key; yellow; c
bell: bell; yellow; c
light bulb: light bulb, lamp; yellow;
candle: candle; ;
closed book: book; red; c
pencil: pencil; yellow; c
scissors: scissors; red; m
hammer: hammer; ;
clapper board: clapper board; ;
camera: camera; ;
television: television, tv; ;
laptop: laptop, computer; ;
telephone: telephone, phone; red; c
alarm clock: alarm clock, clock; red; c
magnet: magnet; red; c
bomb: bomb; black;
robot: robot; ;
ghost: ghost; white;
alien: alien; ;
skull: skull; white;
jack-o-lantern: pumpkin, jack-o-lantern, halloween pumpkin; orange; c
pile of poo: pile of poo, poop; brown;
smiling face with smiling eyes: smiley, happy face, smiling face; yellow; c
smiling face with sunglasses: cool face, face with sunglasses; yellow;
smiling face with heart-eyes: face with heart eyes, face in love; yellow;
crying face: sad face, crying face; yellow; c
angry face: angry face; ;
anchor: anchor; grey; c
thumbs up: thumbs up; yellow; m
lipstick: lipstick; red;
high-heeled shoe: high-heeled shoe, high heel; red; c
handbag: handbag, purse; ; c
necktie: necktie, tie; ; c
hourglass done: hourglass, sand glass; ;
watch: watch, wristwatch; ;
envelope: envelope, letter; white;
door: door; brown; c
vertical traffic light: traffic light; ;
high voltage: lightning bolt, flash of lightning; yellow; c
ear of corn: corn, ear of corn; yellow; m
cocktail glass: cocktail, cocktail glass; ;
globe showing europe-africa: globe, planet earth, earth; blue;
scorpion: scorpion; ;
bat: bat; ;
spiral shell: seashell, shell; ;
paw prints: paw prints, paws; ; m
headphone: headphones; ; m
saxophone: saxophone; yellow;
game die: die, game die; ;
gear: gear, cogwheel; grey;
shield: shield; blue; c
locked: padlock, lock; yellow; c
"""
FIRST: Final = (
    "red heart, fox, cat face, red apple, frog, pizza, dog face, panda, rocket, house, sunflower, robot, banana, "
    "strawberry, star, automobile, evergreen tree, sun, crown, fish"
)
BEST: Final = (
    "red heart, fox, cat face, dog face, frog, panda, red apple, pizza, banana, strawberry, house, automobile, "
    "rocket, sun, rose, tulip, sunflower, deciduous tree, evergreen tree, star, balloon, robot, rainbow, unicorn, "
    "koala, bird, fish, butterfly, owl, penguin, rabbit face, lion, bear, crown, closed book, hamburger, mushroom, "
    "doughnut, birthday cake, sailboat, umbrella, guitar, t-shirt, ghost, octopus, snowman, lemon, "
    "smiling face with smiling eyes, gem stone, key"
)


@dataclass(frozen=True)
class Subject:
    """A concept as it is spoken of: its emojibase label, nouns (the first is the plainest), colour and grammar."""

    label: str
    nouns: tuple[str, ...]
    colour: str = ""
    paintable: bool = False
    mass: bool = False


def read_subjects(table: str = CORE) -> list[Subject]:
    """The subjects of a table written like `CORE`."""
    subjects: list[Subject] = []
    for line in table.strip().splitlines():
        label, _, rest = line.partition(":")
        nouns, colour, flags = (part.strip() for part in rest.split(";"))
        words = tuple(word.strip() for word in nouns.split(","))
        subjects.append(Subject(label.strip(), words, colour, "c" in flags, "m" in flags))
    return subjects


def with_article(noun: str, mass: bool = False) -> str:
    """ "a fox", "an owl", "cherries" (mass nouns and plurals have none)."""
    if mass:
        return noun
    vowel = noun[0] in "aeiou" and not noun.startswith(("uni", "ufo"))
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """The plural of a noun phrase's first noun: "cups of coffee", "foxes", "fish"."""
    head, of, rest = noun.partition(" of ")
    if head.endswith(("fish", "sushi", "cherries")):
        form = head
    elif head.endswith("mouse"):
        form = head.removesuffix("mouse") + "mice"
    elif head.endswith("leaf"):
        form = head.removesuffix("leaf") + "leaves"
    elif head.endswith("wolf"):
        form = head.removesuffix("wolf") + "wolves"
    elif head.endswith(("s", "x", "ch", "sh", "tomato")):
        form = head + "es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        form = head[:-1] + "ies"
    else:
        form = head + "s"
    return form + of + rest
