"""Gallery: every picture that was made here. Filled by gallery.js."""

from webui.ui.markup import place

PLACE = (
    '<h1 class="sf-sr">Gallery</h1>'
    '<div class="sf-gallery" data-sf="gallery"><div class="sf-gtools">'
    '<label class="sf-search"><i class="sf-i sf-i-search" aria-hidden="true"></i>'
    '<input type="search" aria-label="Search pictures" placeholder="Search prompt, model, seed" '
    'autocomplete="off" spellcheck="false"></label><span class="sf-faint" role="status"></span></div>'
    '<div class="sf-gal"><div class="sf-days"></div>'
    '<aside class="sf-card sf-detail" aria-label="Chosen picture" hidden></aside></div></div>'
)


def build() -> None:
    place(PLACE, elem_id="gallery_pictures")
