"""Gallery: every picture that was made here. Filled by gallery.js."""

from webui.ui.markup import place

PLACE = (
    '<h1 class="sf-sr">Gallery</h1>'
    '<div class="sf-gallery" data-sf="gallery"><div class="sf-gtools">'
    '<label class="sf-search"><i class="sf-i sf-i-search" aria-hidden="true"></i>'
    '<input type="search" aria-label="Search pictures" placeholder="Search prompt, model, seed" '
    'autocomplete="off" spellcheck="false"></label><span class="sf-faint" role="status"></span></div>'
    '<div class="sf-pnginfo" data-sf="pnginfo"><button type="button" class="sf-btn" id="gallery_pnginfo" '
    'title="What a picture from anywhere says of how it was made. You can drop one here, too.">PNG Info</button>'
    '<input type="file" accept="image/*" aria-label="A picture to read" hidden>'
    '<section class="sf-card sf-facts" aria-live="polite" aria-label="PNG Info" hidden></section></div>'
    '<div class="sf-gal"><div class="sf-days"></div>'
    '<aside class="sf-card sf-detail" aria-label="Chosen picture" hidden></aside></div></div>'
)


def build() -> None:
    place(PLACE, elem_id="gallery_pictures")
