//! The texts of the demo's outlets, written for it. Outlets, people and events are invented.
//!
//! Each piece is there for a reason: see [`Piece`]. None of the summaries names the organization, so
//! that an alert proves that the page was read.

/// A news outlet of the demo.
#[derive(Debug)]
pub struct Outlet {
    /// Its folder on the site.
    pub slug: &'static str,
    /// Its name, which is the title of its feed.
    pub name: &'static str,
    /// The language it writes in.
    pub language: &'static str,
    /// The format of its feed.
    pub format: Format,
    /// What it publishes.
    pub pieces: &'static [Piece],
}

/// The format of a feed.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// RSS 2.0.
    Rss,
    /// Atom 1.0.
    Atom,
    /// JSON Feed 1.1.
    Json,
}

/// One article: a wire story or a reprint of it, an inflected mention, a false friend, or other news.
#[derive(Debug)]
pub struct Piece {
    /// Its page in the outlet's folder.
    pub slug: &'static str,
    /// The headline.
    pub title: &'static str,
    /// Who signs it.
    pub author: &'static str,
    /// The language, where it is not the outlet's.
    pub language: Option<&'static str>,
    /// How many minutes before the start of the demo it came out.
    pub age: u64,
    /// What the feed says of it.
    pub summary: &'static str,
    /// The text.
    pub text: Text,
    /// Outlet and page of the original, if the page names one.
    pub canonical: Option<(&'static str, &'static str)>,
    /// In the feed from this edition on: 1 from the start, 2 after the first round.
    pub edition: u8,
    /// Whether the page answers 503 when it is asked for the first time.
    pub stumbles: bool,
    /// For a false friend: what it has in common with the name that is watched for.
    pub near: Option<&'static str>,
}

/// Where the paragraphs of a piece come from.
#[derive(Debug)]
pub enum Text {
    /// Its own.
    Own(&'static [&'static str]),
    /// The wire's, word for word.
    Wire,
    /// The wire's behind an agency's dateline, without its last paragraph.
    WireWithDateline,
    /// The first half of the wire's.
    WireCut,
}

impl Piece {
    /// The paragraphs as they are printed.
    pub fn paragraphs(&self) -> Vec<String> {
        let wire = || WIRE.iter().map(|paragraph| (*paragraph).to_owned());
        match self.text {
            Text::Own(paragraphs) => paragraphs.iter().map(|paragraph| (*paragraph).to_owned()).collect(),
            Text::Wire => wire().collect(),
            Text::WireCut => wire().take(3).collect(),
            Text::WireWithDateline => {
                let mut paragraphs: Vec<String> = wire().take(5).collect();
                paragraphs[0].insert_str(0, "SAMARKAND, Friday (Silk Road Wire) – ");
                paragraphs
            }
        }
    }
}

/// The wire story that several outlets reprint.
const WIRE: &[&str] = &[
    "Leaders of the Organization of Turkic States agreed on Friday to introduce a single electronic \
     transit permit for lorries that cross the Caspian, a step which transport ministers said would cut \
     the average wait at borders from three days to less than one.",
    "The decision came at a summit in Samarkand after two days of talks that had stalled over who would \
     pay for new scanners in the ports of Aktau and Alat. Under the compromise each country equips its \
     own terminals, while a joint fund of 120 million dollars pays for the shared database.",
    "The permit is to be tested between Tashkent and Istanbul from the first of March and to become \
     compulsory a year later. Drivers will carry one code instead of the eleven documents that are now \
     checked, stamped and copied along the way.",
    "“A container does not care about protocol,” the secretary general told reporters. “It cares about \
     how long it stands still.”",
    "Carriers welcomed the plan but warned that software alone would not shorten the queues. The largest \
     of their associations called the ferries the narrowest point of the route: only fourteen sail \
     regularly, and in winter storms a ship may wait a week for a berth.",
    "The OTS will publish the waiting times of every crossing each month, so that companies can see \
     whether the promise is kept. The next summit is planned for the autumn of next year in Budapest, \
     where members also want to discuss a common standard for railway tickets.",
];

/// Every outlet of the demo.
pub const OUTLETS: &[Outlet] = &[
    Outlet {
        slug: "silk-road-wire",
        name: "Silk Road Wire",
        language: "en",
        format: Format::Rss,
        pieces: &[
            Piece {
                slug: "single-permit",
                title: "Turkic states agree on single transit permit for the Middle Corridor",
                author: "Samarkand bureau",
                language: None,
                age: 95,
                summary: "Lorries are to cross the Caspian with one code instead of eleven documents, \
                          leaders agreed at a summit in Samarkand.",
                text: Text::Wire,
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "word-atlas",
                title: "Student atlas shows how words crossed the steppe",
                author: "Leyla Marden",
                language: None,
                age: 340,
                summary: "Thirty-one thousand words, eight centuries and one slider: how Turkic languages \
                          borrowed from each other.",
                text: Text::Own(&[
                    "A team of students has drawn an online atlas that shows how words travelled between \
                     Turkic languages over eight centuries, from the names of horses' coats to the \
                     vocabulary of tax collectors.",
                    "The atlas began as a course project in Konya and grew when archives in four \
                     countries sent scans. It now holds thirty-one thousand words, each with the place \
                     and the year in which it was first written down. A slider moves the reader through \
                     time, and a loan can be watched crossing the steppe like weather.",
                    "Some of the findings surprised their authors. The word for a written contract, long \
                     thought to have spread with merchants, appears first in the letters of judges. And \
                     the organization of medieval Turkic states, each with a chancery of its own, left \
                     clear borders in spelling that the spoken language never had.",
                    "“We expected trade routes,” said the student who leads the project. “What we found \
                     were clerks.”",
                    "The atlas is free to use. Its makers ask readers for family letters, prayer books \
                     and recipe collections, which record everyday speech better than any chronicle, and \
                     promise to return every original within a month. A version for schools, with fewer \
                     dots and more stories, is due next summer.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: Some("has “organization of medieval Turkic states”: one word too many, and no name"),
            },
        ],
    },
    Outlet {
        slug: "steppe-herald",
        name: "Steppe Herald",
        language: "en",
        format: Format::Atom,
        pieces: &[
            Piece {
                slug: "tashkent-istanbul",
                title: "One code from Tashkent to Istanbul: lorries to skip the paperwork",
                author: "Silk Road Wire",
                language: None,
                age: 70,
                summary: "A single permit is meant to bring the wait at Caspian borders down to less than \
                          a day.",
                text: Text::Wire,
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "apple-register",
                title: "Old apple trees in the foothills get a register of their own",
                author: "Daniel Osmet",
                language: None,
                age: 600,
                summary: "Volunteers have mapped nine thousand wild apple trees above the city, some of \
                          them older than its streets.",
                text: Text::Own(&[
                    "Nine thousand wild apple trees in the foothills above the city now have a number, a \
                     photograph and a place on the map. Volunteers finished the register on Sunday after \
                     three summers of walking the slopes with a tape measure and a satellite receiver.",
                    "The oldest tree they found stands in a ravine that no path reaches. Its trunk is \
                     four metres around, and a core drilled from it showed two hundred and eighty rings. \
                     It still bears fruit: small, sour and red as a brick.",
                    "Botanists value such trees because the apples of every supermarket descend from \
                     their cousins. Wild stands carry genes against scab and late frost that orchards \
                     lost long ago, and a single bulldozed hillside can take away what breeders will look \
                     for in fifty years.",
                    "“People bring us their grandmother's stories along with the coordinates,” said the \
                     coordinator of the project. “We write both down.”",
                    "The register has no force of law, but the city's planners have agreed to consult it \
                     before they grant a building permit. In autumn the volunteers will collect seed from \
                     the two hundred strongest trees and sow it in a nursery, from which any school may \
                     fetch a sapling.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
        ],
    },
    Outlet {
        slug: "caspian-ledger",
        name: "Caspian Ledger",
        language: "en",
        format: Format::Json,
        pieces: &[
            Piece {
                slug: "shelf-parts",
                title: "Shipyards cut dock time with parts from the catalogue",
                author: "Martin Quell",
                language: None,
                age: 410,
                summary: "Tugs are back at sea a third sooner, without a single new crane.",
                text: Text::Own(&[
                    "Repair yards on the western shore have cut the time that a tug spends in dock by a \
                     third, not with new cranes but with ordinary parts from a catalogue.",
                    "Until last year every pump, hinge and hatch was made to drawing. Now the foreman \
                     writes ots on the work sheet, for off the shelf, whenever a standard part will do, \
                     and the storekeeper sends it within the hour. About forty per cent of all orders \
                     carry the three small letters.",
                    "The idea came from a bookkeeper. She noticed that the yard had paid for the same \
                     valve eleven times in one season, each time with a new mould, while a shop two \
                     streets away sold a better one for a tenth of the price.",
                    "Not everything fits. Engines of the older ferries were built in lots of two or \
                     three, and their cranks exist nowhere else. For these the yards keep their pattern \
                     makers, of whom the youngest is fifty-eight.",
                    "Owners like the result, since a tug in dock earns nothing. Insurers are more \
                     careful: they want a record of every standard part that replaces a drawn one, and a \
                     test after the first hundred hours. The yards have agreed, and the work sheets are \
                     now kept for ten years instead of two.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: Some("has “ots”, but an acronym counts in capitals only"),
            },
            Piece {
                slug: "caspian-lorries",
                title: "Caspian lorries: three days at the border to become one",
                author: "Agencies",
                language: None,
                age: 20,
                summary: "The wire's report on the permit that is to replace eleven documents.",
                text: Text::WireWithDateline,
                canonical: Some(("silk-road-wire", "single-permit")),
                edition: 2,
                stumbles: false,
                near: None,
            },
        ],
    },
    Outlet {
        slug: "bogaz-gundemi",
        name: "Boğaz Gündemi",
        language: "tr",
        format: Format::Rss,
        pieces: &[
            Piece {
                slug: "universite-agi",
                title: "Üniversite ağına on iki yeni okul katıldı",
                author: "Elif Sarıkum",
                language: None,
                age: 150,
                summary: "Rektörler İzmir'de toplandı: öğrenciler artık aldıkları dersleri dönünce \
                          yeniden almayacak.",
                text: Text::Own(&[
                    "İzmir'de toplanan rektörler, Türk Devletleri Teşkilatı'nın üniversite ağına on iki \
                     yeni okulun katılmasını onayladı. Böylece öğrencilerin bir dönemi başka bir ülkede \
                     geçirebildiği okulların sayısı elli sekize yükseldi.",
                    "Yeni üyeler arasında Kars'tan bir ziraat fakültesi, Bişkek'ten bir konservatuvar ve \
                     Gence'den bir teknik üniversite bulunuyor. Değişim programına bu yıl iki bin dört \
                     yüz öğrenci başvurdu; yerleştirilenlerin yaklaşık yarısı mühendislik okuyor.",
                    "Toplantının en çok tartışılan konusu derslerin karşılıklı tanınması oldu. Bugüne \
                     kadar öğrenciler, yurt dışında aldıkları derslerin üçte birini döndüklerinde yeniden \
                     almak zorunda kalıyordu. Kabul edilen ortak kredi cetveliyle bu oranın yüzde beşin \
                     altına inmesi bekleniyor.",
                    "Ağın dönem başkanlığını devralan rektör, “Bir öğrenciye altı ay kaybettiren şey çoğu \
                     zaman bir dilekçedir,” dedi. Rektör, bütün başvuruların gelecek yıldan itibaren tek \
                     bir internet sayfasından yapılacağını söyledi.",
                    "Öğrenci temsilcileri ise yurt sorununa dikkat çekti. Taşkent ve Almatı'da kiraların \
                     son iki yılda neredeyse ikiye katlandığını, bursun artık bir odanın kirasına bile \
                     yetmediğini belirttiler. Rektörler, boş yurt odalarının ortak bir listede \
                     duyurulmasına karar verdi.",
                    "Ağın bir sonraki toplantısı ilkbaharda Türkistan'da yapılacak.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "lodos",
                title: "Boğaz'da lodos vapur seferlerini durdurdu",
                author: "Kerem Alaca",
                language: None,
                age: 260,
                summary: "Kadıköy ile Beşiktaş arasında üç saat vapur işlemedi.",
                text: Text::Own(&[
                    "İstanbul Boğazı'nda sabah saatlerinde şiddetini artıran lodos nedeniyle şehir \
                     hatları vapurlarının bir kısmı iskelelere bağlandı. Kadıköy ile Beşiktaş arasındaki \
                     seferler üç saat boyunca yapılamadı, karşı yakaya geçmek isteyen binlerce kişi metro \
                     istasyonlarına yöneldi.",
                    "Meteoroloji yetkilileri rüzgârın hızının saatte seksen kilometreye ulaştığını, dalga \
                     boyunun Marmara çıkışında üç metreyi bulduğunu açıkladı. Uyarının gece yarısına \
                     kadar yürürlükte kalacağı bildirildi.",
                    "Sahildeki balıkçılar teknelerini erkenden çekti. Kırk yıldır aynı iskelede çalışan \
                     bir balıkçı, “Deniz önce kokusuyla haber verir, radyo sonra söyler,” dedi. Rumeli \
                     Kavağı'nda devrilen bir ağaç iki otomobile zarar verdi, yaralanan olmadı.",
                    "Belediye ekipleri gün boyunca yüz yirmiye yakın çatı ve tabela ihbarına gitti. Bazı \
                     okullarda bahçede yapılacak törenler salonlara alındı. Vapur seferlerinin öğleden \
                     sonra rüzgârın hafiflemesiyle kademeli olarak yeniden başlaması bekleniyor; \
                     yolcuların yola çıkmadan önce sefer tablosuna bakmaları istendi. Feribotların akşam \
                     saatlerinde ek seferlerle çalışacağı, deniz otobüslerinin ise ertesi sabaha kadar \
                     iskelede kalacağı duyuruldu.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
        ],
    },
    Outlet {
        slug: "xezer-gunluyu",
        name: "Xəzər Günlüyü",
        language: "az",
        format: Format::Atom,
        pieces: &[Piece {
            slug: "xilasetme-telimi",
            title: "Xəzərdə birgə axtarış-xilasetmə təlimi başa çatdı",
            author: "Nərmin Qaratel",
            language: None,
            age: 200,
            summary: "On bir gəmi, dörd helikopter və gecə vaxtı yanan bərə: üçgünlük məşqin \
                          nəticələri.",
            text: Text::Own(&[
                "Ələt limanı yaxınlığında keçirilən üçgünlük axtarış-xilasetmə təlimi cümə günü başa \
                     çatıb. Təlimdə beş ölkədən on bir gəmi, dörd helikopter və dörd yüzə yaxın \
                     xilasedici iştirak edib.",
                "Məşqlər Türk Dövlətləri Təşkilatının fövqəladə hallar üzrə iş planına uyğun olaraq \
                     hazırlanmışdı. Ssenariyə görə, gecə vaxtı bərədə yanğın baş verir və yüz otuz \
                     sərnişinin təxliyə edilməsi tələb olunur.",
                "Təlimin rəhbəri bildirib ki, ilk siqnaldan son sərnişinin sahilə çıxarılmasına qədər \
                     iki saat on dəqiqə vaxt keçib. Bu, keçən ilin nəticəsindən əlli dəqiqə yaxşıdır. “Ən \
                     çox vaxtı dalğalar yox, fərqli radio tezlikləri aparırdı. İndi hamı bir dalğada \
                     danışır”, – o deyib.",
                "Müşahidəçilər bir sıra çatışmazlıqlara da diqqət çəkiblər. Kiçik limanlarda \
                     yanğınsöndürən gəmilər köhnədir, tərcüməçilər isə gecə növbəsində çatışmır. \
                     Hesabatda təklif olunur ki, əsas əmrlər üçün hamının başa düşəcəyi qısa lüğət tərtib \
                     edilsin.",
                "Növbəti təlim gələn ilin payızında Aktau sahillərində keçiriləcək. Ona qədər \
                     iştirakçı ölkələr sahil stansiyalarının xəritəsini yeniləməyi və dəniz qəzaları \
                     barədə məlumatı bir-birinə real vaxt rejimində ötürməyi planlaşdırırlar.",
            ]),
            canonical: None,
            edition: 1,
            stumbles: false,
            near: None,
        }],
    },
    Outlet {
        slug: "dala-jarshysy",
        name: "Дала жаршысы",
        language: "kk",
        format: Format::Rss,
        pieces: &[Piece {
            slug: "su-kartasy",
            title: "Өзен суының деңгейі енді ортақ картада",
            author: "Айсұлу Бектас",
            language: None,
            age: 120,
            summary: "Бес елдің гидрологтері су деңгейін сағат сайын бір картаға енгізе бастайды.",
            text: Text::Own(&[
                "Астанада бас қосқан гидрологтер өзендердегі су деңгейі туралы мәліметті бір картаға \
                     жинауға келісті. Жаңа жүйе келесі айдан бастап іске қосылады және оған бес елдің екі \
                     жүзден астам бекеті қосылады.",
                "Жобаны Түркі мемлекеттері ұйымының құрғақшылықтың алдын алумен айналысатын институты \
                     әзірлеген. Бұған дейін көрші елдер су туралы дерекпен айына бір рет, көбіне қағаз \
                     жүзінде алмасатын.",
                "«Су тасқыны шекара сұрап тұрмайды. Жоғары ағыстағы бекет дабыл қақса, төмендегі \
                     ауылдың алты сағат уақыты болады», – дейді жоба жетекшісі. Оның айтуынша, көктемгі \
                     тасқын кезінде дәл осы алты сағат жетпей қалған.",
                "Қаражаттың көбі таулы аймақтардағы ескі құралдарды ауыстыруға жұмсалады: кей \
                     бекеттерде су деңгейін әлі күнге дейін адам көзбен өлшеп, дәптерге жазып отыр. Ұйым \
                     жобаға үш жылға жететін қаржы бөлді.",
                "Мамандар картаның шаруаларға да пайдасы тиетінін айтады. Қосымша арқылы кез келген \
                     диқан өз каналындағы судың қашан азаятынын екі апта бұрын біле алады. Ал ғалымдар \
                     ашық деректің арқасында мұздықтардың еру жылдамдығын дәлірек есептемек.",
                "Келесі кездесу көктемде Бішкекте өтеді. Онда елдер сынақ кезеңінің нәтижесін \
                     талқылап, картаға көлдер мен су қоймаларын да қосу мәселесін шешеді.",
            ]),
            canonical: None,
            edition: 1,
            stumbles: true,
            near: None,
        }],
    },
    Outlet {
        slug: "stepnoy-kurier",
        name: "Степной курьер",
        language: "ru",
        format: Format::Rss,
        pieces: &[
            Piece {
                slug: "sorok-kompaniy",
                title: "Сорок молодых компаний получат деньги на выход к соседям",
                author: "Ирина Вельская",
                language: None,
                age: 180,
                summary: "Наблюдательный совет утвердил победителей первого конкурса; заявки подали более \
                          шестисот команд.",
                text: Text::Own(&[
                    "Сорок молодых компаний получат деньги на выход на соседние рынки: наблюдательный \
                     совет инвестиционного фонда Организации тюркских государств утвердил в четверг \
                     список победителей первого конкурса. Заявки подали более шестисот команд.",
                    "Больше всего победителей оказалось среди тех, кто занимается сельским хозяйством. \
                     Команда из Шымкента учит нейросеть узнавать болезни пшеницы по фотографии, \
                     основатели из Оша делают датчики для пасек, а предприниматели из Намангана — \
                     холодильник, который работает на солнечных батареях.",
                    "Каждая компания получит от тридцати до ста пятидесяти тысяч долларов и наставника из \
                     другой страны. Деньги перечислят в три приёма: вторую часть выплатят только тем, кто \
                     за полгода найдёт хотя бы одного покупателя за границей.",
                    "«Мы сознательно не стали финансировать презентации, — сказала председатель совета. — \
                     Нам нужны счета, по которым кто-то заплатил».",
                    "Критики конкурса указывают, что почти две трети победителей работают в столицах, \
                     хотя фонд обещал поддержать регионы. В дирекции отвечают, что во втором наборе для \
                     малых городов выделят отдельную квоту, а документы можно будет подать на любом из \
                     пяти языков.",
                    "Второй набор откроется в феврале. До этого времени фонд намерен провести бесплатные \
                     занятия в двенадцати областных центрах и опубликовать разбор типичных ошибок в \
                     заявках.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "slovar",
                title: "Словарь забытых слов: лингвисты записали речь последних носителей",
                author: "Павел Тумин",
                language: None,
                age: 500,
                summary: "Двести сорок часов речи на двух исчезающих говорах привезла экспедиция из \
                          горных сёл.",
                text: Text::Own(&[
                    "Экспедиция лингвистов вернулась из горных сёл с записями, которых хватит на \
                     несколько лет работы: двести сорок часов речи на двух исчезающих говорах. Оба \
                     относятся к тюркским языкам, и на каждом из них сегодня говорят не больше тридцати \
                     человек.",
                    "Самой трудной оказалась не наука, а организация поездок. Дорогу к одному из сёл \
                     весной размыло, и последние восемнадцать километров аппаратуру везли на лошадях.",
                    "Старейшей рассказчице девяносто один год. Она помнит названия месяцев, которые \
                     исчезли из печатных словарей ещё до войны, и колыбельную о правителях древних \
                     тюркских государств, воевавших за один колодец.",
                    "По словам руководителя экспедиции, тюркские языки изучены неравномерно: о крупных \
                     написаны целые библиотеки, а о малых — по две-три статьи. «Мы не спасаем язык, его \
                     спасают дети, если захотят. Мы оставляем им словарь», — говорит она.",
                    "Записи расшифруют и выложат в открытый доступ вместе с переводом. Сейчас над ними \
                     трудятся шесть человек, и каждая минута звука требует примерно часа работы. Первую \
                     часть словаря, около трёх тысяч слов, обещают напечатать к следующему лету, а затем \
                     раздать школам тех сёл, где его собирали.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: Some("has «организация», «тюркских» and «государств», but not side by side"),
            },
        ],
    },
    Outlet {
        slug: "ipak-yoli-sadosi",
        name: "Ipak yoʻli sadosi",
        language: "uz",
        format: Format::Json,
        pieces: &[
            Piece {
                slug: "chorsu",
                title: "Chorsu bozori endi tonggi soat beshda ochiladi",
                author: "Dilnoza Sarikova",
                language: None,
                age: 310,
                summary: "Yuk mashinalari shahar tirband boʻlishidan oldin qaytib ketishga ulgurishi \
                          kerak.",
                text: Text::Own(&[
                    "Toshkentdagi Chorsu bozori dushanbadan boshlab bir soat erta — tonggi soat beshda \
                     ochiladi. Qaror sotuvchilarning iltimosiga koʻra qabul qilindi: viloyatlardan \
                     meva-sabzavot olib keladigan yuk mashinalari shahar tirband boʻlishidan oldin qaytib \
                     ketishga ulgurishi kerak.",
                    "Bozor maʼmuriyati maʼlumotiga koʻra, kuz oylarida har kuni oʻrtacha toʻrt yuz yuk \
                     mashinasi keladi. Ularning yarmi ertalab soat sakkizdan keyin yoʻlga chiqqani uchun \
                     atrofdagi koʻchalarda tirbandlik yuzaga kelar edi.",
                    "Yangi tartib hammaga ham maʼqul kelgani yoʻq. Non yopadigan ayollar endi tandirni \
                     yarim tunda yoqishga majbur boʻlishlarini aytishmoqda. «Xaridor oltida keladi, issiq \
                     nonni esa beshda soʻraydi», — deydi oʻttiz yildan beri shu yerda ishlaydigan nonvoy.",
                    "Maʼmuriyat yoritishni yaxshilash va tungi avtobuslarni koʻpaytirishga vaʼda berdi. \
                     Bundan tashqari, usti yopiq rastalar soni bahorgacha yana oltmishtaga oshiriladi. \
                     Sinov muddati uch oy davom etadi, shundan soʻng sotuvchilar va xaridorlar oʻrtasida \
                     soʻrov oʻtkaziladi. Agar koʻpchilik yangi vaqtni maʼqullasa, shahardagi boshqa ikki \
                     yirik bozor ham yozgacha xuddi shu tartibga oʻtadi.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "hunarmandlar",
                title: "Buxoroda olti mamlakat hunarmandlari koʻrgazmasi ochildi",
                author: "Jasur Nilufarov",
                language: None,
                age: 15,
                summary: "Qadimiy karvonsaroyda uch yuzdan ortiq usta oʻz ishini namoyish etmoqda.",
                text: Text::Own(&[
                    "Buxoroda olti mamlakat hunarmandlarining yillik koʻrgazmasi ochildi. Qadimiy \
                     karvonsaroy hovlisida uch yuzdan ortiq usta oʻz ishini namoyish etmoqda: kulollar, \
                     zargarlar, gilam toʻquvchilar va pichoqchilar.",
                    "Koʻrgazma Turkiy davlatlar tashkilotining madaniyat dasturi doirasida oʻtkazilmoqda. \
                     Bu yil unga ilk bor Vengriyadan ham charm ustalari keldi.",
                    "Mehmonlar eng koʻp toʻxtagan joy ipak boʻyash ustaxonasi boʻldi. Bu yerda \
                     margʻilonlik usta bilan ozarbayjonlik kelagʻayi ustasi bitta qozonda ikki xil usulni \
                     sinab koʻrdi. «Tilimiz oʻxshash, lekin boʻyoqni biz piyoz poʻstidan, ular \
                     zaʼfarondan oladi», — dedi usta kulib.",
                    "Tashkilotchilarning aytishicha, maqsad faqat savdo emas. Har bir usta yonida kamida \
                     bitta shogird boʻlishi shart qilib qoʻyilgan, chunki ayrim hunarlarni biladiganlar \
                     soni barmoq bilan sanarli. Oʻn toʻrt shogirdga bir yillik stipendiya beriladi.",
                    "Xaridorlar ham kam emas. Birinchi kunning oʻzida sakkiz mingga yaqin chipta sotildi, \
                     mehmonxonalarda esa boʻsh joy qolmadi. Shahar hokimligi hovlilar orasida kechki \
                     avtobus qatnovini yoʻlga qoʻydi.",
                    "Koʻrgazma yakshanba kuni yopiladi. Keyingi yil uni Shaki shahrida oʻtkazish \
                     rejalashtirilgan.",
                ]),
                canonical: None,
                edition: 2,
                stumbles: false,
                near: None,
            },
        ],
    },
    Outlet {
        slug: "duna-tukor",
        name: "Duna Tükör",
        language: "hu",
        format: Format::Rss,
        pieces: &[
            Piece {
                slug: "energiaterkep",
                title: "Budapesten készül öt ország közös energiatérképe",
                author: "Varsányi Réka",
                language: None,
                age: 230,
                summary: "Tizenegy hivatal adataiból egyetlen felület: tavasszal jelenik meg az első \
                          változat.",
                text: Text::Own(&[
                    "Budapesti kutatók vezetésével készül az a térkép, amely öt ország áramhálózatát \
                     mutatja meg egyetlen felületen. A munkát a Türk Államok Szervezetének magyarországi \
                     képviselete mutatta be csütörtökön, egy egész napos szakmai találkozón.",
                    "A térképről leolvasható, hol épül naperőmű, melyik vezeték terhelt túl, és mely \
                     völgyekben érdemes tározót építeni. Az adatok eddig tizenegy különböző hivatalban, \
                     eltérő formátumban és részben papíron voltak meg.",
                    "„Három hónapig csak azt egyeztettük, mit nevezünk beépített teljesítménynek” – \
                     mondta a projekt vezetője. A csapat végül saját szótárt készített, amely négy \
                     nyelven határozza meg a legfontosabb szakmai fogalmakat.",
                    "A résztvevők szerint a legnagyobb nyereség a Kaszpi-tenger két partja között \
                     várható: ott éjszaka gyakran marad felesleges szélenergia, miközben a túlparton \
                     drága gázzal termelnek. Egy tenger alatti kábel tervét már vizsgálják, de a \
                     költségekről egyelőre csak becslések vannak.",
                    "Kritikusok arra figyelmeztetnek, hogy a térkép gyorsan elavul, ha senki sem \
                     frissíti. A kutatók ezért azt javasolják, hogy a hálózatok üzemeltetői negyedévente, \
                     géppel olvasható formában küldjék be az adataikat.",
                    "A térkép első változata tavasszal jelenik meg, és bárki ingyen használhatja.",
                ]),
                canonical: None,
                edition: 1,
                stumbles: false,
                near: None,
            },
            Piece {
                slug: "english-transit-permit",
                title: "Summit clears way for Caspian transit permit",
                author: "English desk, from Silk Road Wire",
                language: Some("en"),
                age: 45,
                summary: "Lorries between Tashkent and Istanbul will carry a single code from March.",
                text: Text::WireCut,
                canonical: Some(("silk-road-wire", "single-permit")),
                edition: 1,
                stumbles: false,
                near: None,
            },
        ],
    },
];
