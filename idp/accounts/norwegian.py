"""Norwegian words, names and places that make poor passwords; zxcvbn's own lists are English."""

WORDS = frozenset(
    """
    passord passordet passord1 mittpassord velkommen velkommen1 hemmelig hemmelighet sommer sommeren vinter
    vinteren høst hosten høsten vår våren januar februar mars april juni juli august september oktober november
    desember mandag tirsdag onsdag torsdag fredag lørdag søndag norge norsk norway oslo bergen trondheim
    stavanger sandnes tromsø tromso drammen kristiansand haugesund ålesund alesund bodø bodo molde kristiansund
    fredrikstad sarpsborg skien porsgrunn tønsberg larvik arendal hamar lillehammer gjøvik narvik harstad alta
    rosenborg brann viking vålerenga valerenga molde lyn skeid liverpool manchester fotball håndball ski
    langrenn skisport kjærlighet kjarlighet elsker elskerdeg jegelskerdeg skatt skatten vennen venner familie
    familien mamma pappa mor far bestemor bestefar katten katt hund hunden hest hesten fisk fugl bamse pusur
    solskinn sol solen måne stjerne snø fjell fjord fjellet hav havet skog skogen hytte hytta hus huset bil
    bilen båt båten sykkel kaffe øl vin brunost lefse pølse taco fredagstaco sjokolade kransekake kransekake
    syttendemai jul julen julaften påske nissen kongen dronning prinsesse prins troll trollet nordlys sommerfugl
    blomst rose rosa blå rød grønn gul svart hvit hallo heisann hei morn takk tusen tusentakk logg logginn
    innlogging bruker brukernavn jobb jobben kontor kontoret firma bedrift inspeksjon kontroll utstyr
    løfteutstyr kran truck lager lageret ordre plukk pakk verksted skole skolen student lærer olje oljen gass
    sikkerhet sikker internett datamaskin mobil telefon nummer tall bokstav spøkelse spill spille musikk gitar
    kari ola nordmann olanordmann karinordmann anne inger marit ingrid liv eva berit astrid bjørg hilde nora
    emma sofie ingeborg marte silje lars jan per bjørn bjorn kjell knut svein arne thomas hans geir tor morten
    terje odd erik martin anders ole andreas kristian jonas magnus henrik sindre sander hansen johansen olsen
    larsen andersen pedersen nilsen kristiansen jensen karlsen johnsen pettersen eriksen berg haugen hagen
    johannessen andreassen jacobsen dahl jørgensen halvorsen henriksen lund
    """.split()
)
